import type { BatchRow } from "@kiln/jobs"

import { csvRows } from "./csv-rows.ts"
import { jsonRows } from "./json-body.ts"
import { ndjsonRows } from "./ndjson-rows.ts"

export type RowFormat = "json" | "ndjson" | "csv"

const readers = { json: jsonRows, ndjson: ndjsonRows, csv: csvRows } as const

/** The rows of a file, one after the other. Throws RowsFailure where it cannot be read on. */
export const readRows = (
  file: { path: string; format: RowFormat },
  signal: AbortSignal,
): AsyncGenerator<BatchRow> => readers[file.format](file.path, signal)
