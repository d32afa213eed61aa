/** What a spreadsheet would take for a formula, or hide one behind. */
const formula = /^[=+\-@\t\r\n]|^\s+[=+\-@]/

/** A cell of CSV (RFC 4180); one that a spreadsheet would run is made text by an apostrophe. */
export function csvCell(value: string | number | null): string {
  if (value === null) return ""
  if (typeof value === "number") return String(value)
  const text = formula.test(value) ? `'${value}` : value
  return /[",\r\n;\t]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export const csvLine = (cells: readonly (string | number | null)[]): string =>
  `${cells.map(csvCell).join(",")}\r\n`
