import type { BatchRow } from "@kiln/jobs"

import { fileChunks } from "./file-chunks.ts"
import { jsonRow } from "./ndjson-rows.ts"
import { createRowScanner, notJson, type RowMember } from "./row-scanner.ts"

export type JsonBody = {
  /** The body with its rows left out. */
  options: Record<string, unknown>
  member: RowMember | undefined
}

/** What a JSON body says beside its rows, which may stand before it or after it. */
export async function readJsonBody(path: string, signal: AbortSignal): Promise<JsonBody> {
  const scanner = createRowScanner(() => undefined)
  for await (const chunk of fileChunks(path, signal)) scanner.push(chunk)
  const { text, member } = scanner.end()
  const body = parsed(text)
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw notJson()
  const options = Object.fromEntries(
    Object.entries(body).filter(([name]) => member === undefined || name !== member),
  )
  return { options, member }
}

/** The rows of a JSON body, one after the other, however many there are. */
export async function* jsonRows(path: string, signal: AbortSignal): AsyncGenerator<BatchRow> {
  let found: Buffer[] = []
  const scanner = createRowScanner((row) => found.push(row))
  let line = 0
  for await (const chunk of fileChunks(path, signal)) {
    scanner.push(chunk)
    for (const bytes of found) {
      line += 1
      yield jsonRow(bytes, line) ?? { line, value: undefined, errors: [missing] }
    }
    found = []
  }
}

const missing = { pointer: "", code: "invalid_json", detail: "is not JSON in UTF-8" }

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw notJson(cause)
  }
}
