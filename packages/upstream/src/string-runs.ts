import { unescapeByte } from "./unescape-byte.ts"

const quote = 0x22
const backslash = 0x5c

/** Where a chunk was left, and whether the string ended there. */
type Left = { at: number; hasEnded: boolean }

/** Gives the characters of a JSON string of base64 out in runs, without its escapes and up to its closing quote. */
export function createStringRuns(): { take(chunk: Uint8Array, start: number): Generator<Uint8Array, Left> } {
  let escape = ""

  function* takeEscape(byte: number): Generator<Uint8Array> {
    escape += String.fromCharCode(byte)
    const bytes = unescapeByte(escape)
    if (!bytes) return
    escape = ""
    if (bytes.length > 0) yield bytes
  }

  return {
    *take(chunk, start) {
      let at = start
      let quoteAt = -1
      let backslashAt = -1
      while (at < chunk.length) {
        if (escape !== "") {
          yield* takeEscape(chunk[at++] ?? 0)
          continue
        }
        const run = at
        // Found by machine code: a loop over millions of bytes here would be the dearest part of a reply.
        if (quoteAt < at) quoteAt = next(chunk, quote, at)
        if (backslashAt < at) backslashAt = next(chunk, backslash, at)
        at = Math.min(quoteAt, backslashAt)
        if (at > run) yield chunk.subarray(run, at)
        const stop = chunk[at++]
        if (stop === quote) return { at, hasEnded: true }
        if (stop === backslash) escape = "\\"
      }
      return { at, hasEnded: false }
    },
  }
}

/** The place of a byte from `at` on; the end of the chunk when there is none. */
function next(chunk: Uint8Array, byte: number, at: number): number {
  const found = chunk.indexOf(byte, at)
  return found === -1 ? chunk.length : found
}
