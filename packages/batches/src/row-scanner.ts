import { longestLine } from "./ndjson-rows.ts"
import { unreadable } from "./rows-failure.ts"

/** Bytes of what a body says beside its rows. */
const mostOptionBytes = 8_000_000

/** Members of a body that hold the rows. */
const rowMembers = ["items", "products"] as const
export type RowMember = (typeof rowMembers)[number]

export const notJson = (cause?: unknown) =>
  unreadable(null, "invalid_json", "the body is not valid JSON in UTF-8; it has to be one object", cause)

const byte = (character: string) => character.charCodeAt(0)
const [quote, backslash, comma, colon] = [byte('"'), byte("\\"), byte(","), byte(":")]
const [openers, closers] = [new Set([byte("["), byte("{")]), new Set([byte("]"), byte("}")])]
const openArray = byte("[")

type Scan = {
  onRow: (bytes: Buffer) => void
  depth: number
  isInString: boolean
  isEscaped: boolean
  /** The letters of a name that is being read. */
  word: number[] | undefined
  key: string
  isValue: boolean
  member: RowMember | undefined
  /** Depth of the array of rows while it is being read. */
  within: number
  rows: number
  row: Buffer[]
  rowBytes: number
  outside: Buffer[]
  outsideBytes: number
}

/**
 * Finds the elements of the array of rows by their brackets and quotes alone, and gives each as bytes; what is left of
 * the body is text for the real parser, which sees to it that it is JSON.
 */
export function createRowScanner(onRow: (bytes: Buffer) => void) {
  const scan: Scan = {
    onRow,
    depth: 0,
    isInString: false,
    isEscaped: false,
    word: undefined,
    key: "",
    isValue: false,
    member: undefined,
    within: 0,
    rows: 0,
    row: [],
    rowBytes: 0,
    outside: [],
    outsideBytes: 0,
  }
  return {
    push(chunk: Buffer): void {
      let start = 0
      for (let at = 0; at < chunk.length; at++) {
        const code = chunk[at] ?? 0
        if (scan.isInString) readString(scan, code)
        else if (code === quote) {
          scan.isInString = true
          scan.word = scan.depth === 1 && scan.within === 0 && !scan.isValue ? [] : undefined
        } else start = readStructure(scan, { code, chunk, start, at })
      }
      keep(scan, chunk.subarray(start))
    },
    end(): { text: string; member: RowMember | undefined } {
      if (scan.within > 0) throw notJson()
      return { text: Buffer.concat(scan.outside).toString("utf8"), member: scan.member }
    },
  }
}

function readString(scan: Scan, code: number): void {
  if (scan.isEscaped) scan.isEscaped = false
  else if (code === backslash) scan.isEscaped = true
  else if (code === quote) {
    scan.isInString = false
    if (scan.word) scan.key = Buffer.from(scan.word).toString("utf8")
    scan.word = undefined
    return
  }
  if (scan.word && scan.word.length < 100) scan.word.push(code)
}

type At = { code: number; chunk: Buffer; start: number; at: number }

/** One byte outside of strings; answers from where the chunk is to be kept. */
function readStructure(scan: Scan, { code, chunk, start, at }: At): number {
  const isRowsEnd = closers.has(code) && scan.within > 0 && scan.depth === scan.within
  if (isRowsEnd || (code === comma && scan.within > 0 && scan.depth === scan.within)) {
    keep(scan, chunk.subarray(start, at))
    endRow(scan, isRowsEnd)
    if (!isRowsEnd) return at + 1
    scan.within = 0
    scan.depth -= 1
    return at
  }
  if (openers.has(code)) {
    const begins = scan.within === 0 && beginsRows(scan, code)
    scan.depth += 1
    scan.isValue = false
    if (!begins) return start
    keep(scan, chunk.subarray(start, at + 1))
    scan.within = scan.depth
    return at + 1
  }
  if (closers.has(code)) scan.depth -= 1
  else if (scan.depth === 1 && (code === colon || code === comma)) scan.isValue = code === colon
  return start
}

/** Whether the array of rows begins with this bracket. */
function beginsRows(scan: Scan, code: number): boolean {
  if (code !== openArray || scan.depth !== 1 || !scan.isValue) return false
  const name = rowMembers.find((each) => each === scan.key)
  if (!name) return false
  if (scan.member) throw unreadable(null, "invalid_value", "give `items` or `products`, once")
  scan.member = name
  return true
}

/** A copy is kept: chunks are good only until the next one. */
function keep(scan: Scan, piece: Buffer): void {
  if (piece.length === 0) return
  const bytes = Buffer.from(piece)
  if (scan.within > 0) {
    scan.row.push(bytes)
    scan.rowBytes += bytes.length
    if (scan.rowBytes > longestLine) throw unreadable(scan.rows + 1, "too_big", "an item has at most 24 MB")
    return
  }
  scan.outside.push(bytes)
  scan.outsideBytes += bytes.length
  if (scan.outsideBytes > mostOptionBytes) {
    throw unreadable(null, "too_big", "the body has at most 8 MB beside its rows")
  }
}

function endRow(scan: Scan, isLast: boolean): void {
  const bytes = Buffer.concat(scan.row)
  scan.row = []
  scan.rowBytes = 0
  if (isLast && scan.rows === 0 && bytes.toString("latin1").trim() === "") return
  scan.rows += 1
  scan.onRow(bytes)
}
