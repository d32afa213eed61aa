import { Readable } from "node:stream"

import { csvColumns, type BatchRow, type CsvColumns } from "@kiln/jobs"
import { CsvError, parse } from "csv-parse"

import { decodeText } from "./decode-text.ts"
import { unreadable } from "./rows-failure.ts"

/** Characters of a row; a row beyond it has an open quote. */
const longestRow = 8_000_000
const delimiters = [",", ";", "\t"] as const

/**
 * The rows of a CSV file below its header row: UTF-8 or UTF-16, with commas, semicolons or tabs, line breaks within
 * quotes, and the empty columns and rows that Excel leaves. Throws RowsFailure for what cannot be read on.
 */
export async function* csvRows(path: string, signal: AbortSignal): AsyncGenerator<BatchRow> {
  const { text, delimiter, skipped } = await sniff(decodeText(path, signal))
  const parser = parse({
    delimiter,
    relax_column_count: true,
    record_delimiter: ["\r\n", "\n", "\r"],
    max_record_size: longestRow,
  })
  const source = Readable.from(text, { signal })
  source.on("error", (error) => parser.destroy(error))
  let columns: CsvColumns | undefined
  let next = 1 + skipped
  try {
    for await (const record of source.pipe(parser) as AsyncIterable<string[]>) {
      const line = next
      next += 1 + record.reduce((sum, cell) => sum + breaksIn(cell), 0)
      if (record.every((cell) => cell.trim() === "")) continue
      if (!columns) {
        columns = requireColumns(record, line)
        continue
      }
      yield { line, ...columns.read(record) }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw unreadable(next, "invalid_csv", sentences[error.code] ?? "the row is not CSV", error)
  } finally {
    source.destroy()
  }
}

const breaksIn = (cell: string): number => (/[\r\n]/.test(cell) ? cell.split(/\r\n|\r|\n/).length - 1 : 0)

const sentences: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: "a quote is opened and never closed",
  CSV_INVALID_CLOSING_QUOTE: "something follows a closing quote; a quote within quotes is written twice",
  INVALID_OPENING_QUOTE: "a quote stands within a cell that is not quoted",
  CSV_MAX_RECORD_SIZE: "the row is larger than 8 MB; is a quote left open?",
}

function requireColumns(header: readonly string[], line: number): CsvColumns {
  const columns = csvColumns(header)
  if (!("errors" in columns)) return columns
  const [first] = columns.errors
  throw unreadable(
    line,
    first?.code ?? "required",
    `${first?.pointer.slice(1) ?? ""}: ${first?.detail ?? ""}`,
  )
}

/** The delimiter that the first line has most of, or that Excel's `sep=;` says. */
async function sniff(chunks: AsyncGenerator<string>) {
  let head = ""
  while (head.length < 65_536 && !/[\r\n]/.test(head)) {
    const next = await chunks.next()
    if (next.done) break
    head += next.value
  }
  const said = /^sep=(.)(?:\r\n|\n|\r)/.exec(head)
  const body = said ? head.slice(said[0].length) : head
  const [line = ""] = body.replaceAll(/"[^"]*"/g, "").split(/[\r\n]/, 1)
  const count = (delimiter: string) => line.split(delimiter).length
  const most = delimiters.toSorted((a, b) => count(b) - count(a))[0] ?? ","
  async function* text() {
    yield body
    yield* chunks
  }
  return { text: text(), delimiter: said?.[1] ?? most, skipped: said ? 1 : 0 }
}
