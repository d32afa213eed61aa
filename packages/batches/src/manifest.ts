import { text } from "node:stream/consumers"

import { batchKey, batchPrefix, type Storage } from "@kiln/storage"

import type { StoredItem } from "./stored-item.ts"

/** Items of one object. */
export const itemsAChunk = 250
const contentType = "application/x-ndjson"

type Place = { tenant: string; id: string }

/** A batch's items in storage: 250 an object, so that any of them is found by its number. */
export function createManifests({ storage }: { storage: Pick<Storage, "put" | "open" | "removeAll"> }) {
  return {
    /** Takes items one after the other; memory holds one object's worth. */
    writer(place: Place, signal: AbortSignal) {
      let lines: string[] = []
      let chunk = 0
      let count = 0
      // One piece of memory for all objects, as V8 would let theirs pile up.
      let memory = Buffer.alloc(0)
      const flush = async () => {
        const written = lines.join("")
        lines = []
        const bytes = Buffer.byteLength(written)
        if (bytes > memory.length) memory = Buffer.allocUnsafeSlow(bytes * 2)
        memory.write(written)
        const body = memory.subarray(0, bytes)
        await storage.put(batchKey({ ...place, chunk }), body, { contentType, signal })
        chunk += 1
      }
      return {
        count: () => count,
        async add(item: StoredItem): Promise<void> {
          lines.push(`${JSON.stringify(item)}\n`)
          count += 1
          if (lines.length === itemsAChunk) await flush()
        },
        async end(): Promise<void> {
          if (lines.length > 0) await flush()
        },
      }
    },

    /** The items of one object; none when it was removed. */
    async chunk(place: Place, chunk: number, signal?: AbortSignal): Promise<StoredItem[]> {
      const found = await storage.open(batchKey({ ...place, chunk }), { signal })
      if (!found) return []
      const lines = (await text(found.stream)).split("\n")
      // Only `writer` writes these.
      return lines.flatMap((line) => (line === "" ? [] : [JSON.parse(line) as StoredItem]))
    },

    async remove(place: Place): Promise<void> {
      await storage.removeAll(batchPrefix(place))
    },
  }
}
export type Manifests = ReturnType<typeof createManifests>
