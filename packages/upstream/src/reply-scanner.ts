import { createJsonWalker } from "./json-walker.ts"
import { createStringRuns } from "./string-runs.ts"

/** A piece of a reply, in order. Its bytes are a view of the chunk. */
export type ScanEvent =
  | { kind: "json"; bytes: Uint8Array }
  | { kind: "blob_start" | "blob_end"; number: number }
  | { kind: "base64"; bytes: Uint8Array }

/**
 * Parts a JSON reply into its images and the rest while it streams in: the string under `data` of an inlineData
 * object, or under `bytesBase64Encoded`, comes out as base64, and stands in the rest as the blob's number (from 1). It holds nothing but its
 * place. Throws `upstream_error` for nesting beyond 64 levels.
 */
export function createReplyScanner(): { push(chunk: Uint8Array): Generator<ScanEvent> } {
  const walker = createJsonWalker()
  const runs = createStringRuns()
  let number = 0
  let isInBlob = false

  function* scanJson(chunk: Uint8Array, start: number): Generator<ScanEvent, number> {
    let at = start
    while (at < chunk.length && !isInBlob) isInBlob = walker.step(chunk[at++] ?? 0)
    yield { kind: "json", bytes: chunk.subarray(start, at) }
    if (isInBlob) yield { kind: "blob_start", number: ++number }
    return at
  }

  function* scanBlob(chunk: Uint8Array, start: number): Generator<ScanEvent, number> {
    const taking = runs.take(chunk, start)
    let run = taking.next()
    for (; !run.done; run = taking.next()) yield { kind: "base64", bytes: run.value }
    const { at, hasEnded } = run.value
    if (!hasEnded) return at
    isInBlob = false
    yield { kind: "blob_end", number }
    yield { kind: "json", bytes: Buffer.from(`${number}"`) }
    return at
  }

  return {
    *push(chunk) {
      let at = 0
      while (at < chunk.length) at = isInBlob ? yield* scanBlob(chunk, at) : yield* scanJson(chunk, at)
    },
  }
}
