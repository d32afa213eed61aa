import type { Storage } from "@kiln/storage"
import { LRUCache } from "lru-cache"

export type SignedUrl = { url: string; expiresAt: Date | null }

type Options = {
  storage: Pick<Storage, "sign">
  ttlMs: number
  /** False when a CDN's plain URLs are given out, which never end. */
  linksExpire: boolean
}

/** URLs of images. Those in a job's body stay the same for a quarter of their life, so that its ETag does too. */
export function createSignedUrls({ storage, ttlMs, linksExpire }: Options) {
  const kept = new LRUCache<string, { url: string; expiresAt: number }>({ max: 20_000 })
  const stepMs = Math.max(1_000, ttlMs / 4)
  const told = (url: string, expiresAt: number): SignedUrl => ({
    url,
    expiresAt: linksExpire ? new Date(expiresAt) : null,
  })
  return {
    async stable(key: string, now: number): Promise<SignedUrl> {
      const expiresAt = Math.ceil((now + ttlMs) / stepMs) * stepMs
      const known = kept.get(key)
      if (known?.expiresAt === expiresAt) return told(known.url, expiresAt)
      const url = await storage.sign(key, { expiresAt: new Date(expiresAt) })
      kept.set(key, { url, expiresAt })
      return told(url, expiresAt)
    },
    /** Until when the stable URLs of this moment are the ones that are told. */
    stableUntil: (now: number): number => Math.ceil((now + ttlMs) / stepMs) * stepMs - ttlMs,
    /** A URL of its own, which lives for the whole time from now on. */
    fresh: (key: string, now: number, downloadName?: string): Promise<string> =>
      storage.sign(key, { expiresAt: new Date(now + ttlMs), downloadName }),
  }
}
export type SignedUrls = ReturnType<typeof createSignedUrls>
