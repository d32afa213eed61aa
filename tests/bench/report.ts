import type { Row } from "./benchmark.ts"

const columns = ["measure", "bare", "Kiln", "Kiln ÷ bare", "aim", ""]

/** All lines as a Markdown table with columns of even width. */
export function toMarkdown(rows: readonly Row[]): string {
  const cells = [columns, ...rows.map(cellsOf)]
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => (row[at] ?? "").length), 3))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => pad(cell, widths[at] ?? 0)).join(" | ")} |`
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`
  const [head = "", ...body] = cells.map(line)
  return [head, rule, ...body].join("\n")
}

const cellsOf = ({ measure, unit, bare, kiln, ratio, aim }: Row): string[] => [
  measure,
  // Some numbers have nothing bare beside them.
  Number.isNaN(bare) ? "–" : `${rounded(bare)} ${unit}`,
  `${rounded(kiln)} ${unit}`,
  Number.isNaN(ratio) ? "–" : ratio.toFixed(2),
  aim?.text ?? "",
  aim ? (aim.isMet ? "met" : "missed") : "",
]

const pad = (cell: string, width: number) => cell.padEnd(width)

/** Three digits that mean something. */
const rounded = (value: number): string =>
  value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)))
