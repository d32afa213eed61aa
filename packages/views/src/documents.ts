import { text } from "node:stream/consumers"

import type { JobSpec } from "@kiln/ledger"
import type { Storage } from "@kiln/storage"
import { LRUCache } from "lru-cache"

const keptBytes = 32 * 1024 * 1024
const contentType = "text/plain; charset=utf-8"

/** The long texts that lie in storage beside a job's images: they never change, so they are read once. */
export function createDocuments({ storage }: { storage: Pick<Storage, "open" | "put"> }) {
  const kept = new LRUCache<string, string>({
    maxSize: keptBytes,
    // A character takes two bytes in memory, and an entry some more.
    sizeCalculation: (value, key) => 2 * (value.length + key.length) + 200,
  })
  return {
    /** Null when the document was removed. */
    async read(key: string): Promise<string | null> {
      const known = kept.get(key)
      if (known !== undefined) return known
      const opened = await storage.open(key)
      if (!opened) return null
      const value = await text(opened.stream)
      kept.set(key, value)
      return value
    },
    async write(key: string, value: string): Promise<void> {
      await storage.put(key, Buffer.from(value, "utf8"), { contentType })
      kept.set(key, value)
    },
  }
}
export type Documents = ReturnType<typeof createDocuments>

/** A job's prompt, wherever it lies; null when it was removed. */
export const promptOf = async (
  { prompt, promptKey }: Pick<JobSpec, "prompt" | "promptKey">,
  documents: Pick<Documents, "read">,
): Promise<string | null> => (promptKey === null ? prompt : documents.read(promptKey))
