import { hash } from "node:crypto"

import type { ApiKey } from "@kiln/contract"
import { LRUCache } from "lru-cache"

type Looked = {
  key: ApiKey | undefined
  expiresAt: number
  lookedAt: number
  /** The tenant's own limit; null is the deployment's. */
  requestsPerMinute: number | null
}
type Source = {
  apiKeys: { find(hash: string): Promise<ApiKey | undefined> }
  limits: { requestsPerMinute(tenant: string): Promise<number | null> }
}

const knownMs = 5_000
const unknownMs = 1_000

export const hashOf = (token: string): string => hash("sha256", token, "hex")

/** API keys by their secret, looked up in the ledger at most once in a few seconds, with their tenants' pace. */
export function createKnownKeys({ apiKeys, limits }: Source) {
  const good = new LRUCache<string, Looked>({ max: 10_000 })
  // Apart, so that guesses cannot push out what is good.
  const bad = new LRUCache<string, Looked>({ max: 10_000 })
  const looking = new Map<string, Promise<Looked>>()

  async function look(digest: string): Promise<Looked> {
    const key = await apiKeys.find(digest)
    const expiresAt = key?.expires_at ? Date.parse(key.expires_at) : Infinity
    const requestsPerMinute = key ? await limits.requestsPerMinute(key.tenant) : null
    const entry = { key, expiresAt, lookedAt: Date.now(), requestsPerMinute }
    const [into, from] = key ? [good, bad] : [bad, good]
    into.set(digest, entry)
    from.delete(digest)
    return entry
  }

  return {
    /** What was found lately; undefined when it has to be looked up. */
    recent(digest: string, now: number): Looked | undefined {
      const entry = good.get(digest) ?? bad.get(digest)
      return entry && now - entry.lookedAt < (entry.key ? knownMs : unknownMs) ? entry : undefined
    },
    /** Whether the key was good before, however long ago. */
    wasGood: (digest: string) => good.has(digest),
    lookUp(digest: string): Promise<Looked> {
      const running = looking.get(digest) ?? look(digest).finally(() => looking.delete(digest))
      looking.set(digest, running)
      return running
    },
    forget(id: string): void {
      for (const [digest, { key }] of good.entries()) if (key?.id === id) good.delete(digest)
    },
    forgetTenant(tenant: string): void {
      for (const [digest, { key }] of good.entries()) if (key?.tenant === tenant) good.delete(digest)
    },
  }
}
export type KnownKeys = ReturnType<typeof createKnownKeys>
