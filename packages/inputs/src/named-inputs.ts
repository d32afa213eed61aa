import { createWriteStream } from "node:fs"
import { pipeline } from "node:stream/promises"

import { JobFailure, mostAssetBytes } from "@kiln/contract"
import type { InputBucket } from "@kiln/storage"

/** The images that callers name by `key`. Its failures carry a word for the field in `reason`. */
export function createNamedInputs(bucket: Pick<InputBucket, "open" | "sizeOf"> | undefined) {
  return {
    /** Throws unless the object is there and not too large; nothing is downloaded. */
    check: async (tenant: string, name: string): Promise<void> =>
      checkSize(await configured(bucket).sizeOf(tenant, name), name),

    async download(
      tenant: string,
      name: string,
      { target, signal }: { target: string; signal: AbortSignal | undefined },
    ): Promise<void> {
      const found = await configured(bucket).open(tenant, name, signal)
      try {
        checkSize(found?.bytes, name)
      } catch (error) {
        found?.stream.destroy()
        throw error
      }
      if (!found) return
      await pipeline(
        found.stream,
        // What grew since it was measured is cut off all the same.
        async function* (chunks: AsyncIterable<Buffer>) {
          let bytes = 0
          for await (const chunk of chunks) {
            bytes += chunk.length
            checkSize(bytes, name)
            yield chunk
          }
        },
        createWriteStream(target),
        signal ? { signal } : {},
      )
    },
  }
}

function configured<Bucket>(bucket: Bucket | undefined): Bucket {
  if (bucket) return bucket
  throw lacking("no_input_bucket", "There is no input bucket here: KILN_INPUT_STORAGE is not set")
}

function checkSize(bytes: number | undefined, name: string): void {
  if (bytes === undefined) {
    throw lacking("unknown_key", `The input bucket has no object ${JSON.stringify(name)} of this tenant`)
  }
  if (bytes > mostAssetBytes) {
    const sentence = `The object ${JSON.stringify(name)} is larger than ${mostAssetBytes / 1e6} MB`
    throw new JobFailure("input_unreadable", sentence)
  }
}

const lacking = (reason: string, sentence: string) =>
  new JobFailure("input_unreachable", sentence, { reason, retryable: false })
