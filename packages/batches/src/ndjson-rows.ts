import type { BatchRow } from "@kiln/jobs"

import { fileChunks } from "./file-chunks.ts"
import { unreadable } from "./rows-failure.ts"

/** Bytes of a line: a row with its images in base64. */
export const longestLine = 24_000_000
const newline = 10

/** The rows of NDJSON; a line that is no JSON is a row with an error. Blank lines are none. */
export async function* ndjsonRows(path: string, signal: AbortSignal): AsyncGenerator<BatchRow> {
  let line = 0
  for await (const bytes of linesOf(path, signal)) {
    line += 1
    const row = jsonRow(bytes, line)
    if (row) yield row
  }
}

/** JSON as a row; undefined where there is nothing but blanks. */
export function jsonRow(bytes: Buffer, line: number): BatchRow | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
    if (text.trim() === "") return undefined
    return { line, value: JSON.parse(text), errors: [] }
  } catch {
    // Where it broke is not told: that would repeat what was sent.
    const error = { pointer: "", code: "invalid_json", detail: "is not JSON in UTF-8" }
    return { line, value: undefined, errors: [error] }
  }
}

async function* linesOf(path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  let kept: Buffer[] = []
  let bytes = 0
  let line = 1
  for await (const chunk of fileChunks(path, signal)) {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      yield Buffer.concat([...kept, chunk.subarray(start, end)])
      kept = []
      bytes = 0
      line += 1
      start = end + 1
    }
    kept.push(Buffer.from(chunk.subarray(start)))
    bytes += chunk.length - start
    if (bytes > longestLine) throw unreadable(line, "too_big", "a line has at most 24 MB")
  }
  yield Buffer.concat(kept)
}
