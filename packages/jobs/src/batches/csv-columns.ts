import type { FieldError } from "@kiln/contract"

/** How a cell becomes a field; an empty one is no field at all. */
type Column = { name: string; set: (item: Record<string, unknown>, cell: string) => void }
export type CsvColumns = {
  /** The item of a row's cells, and what cannot be an item's. */
  read(cells: readonly string[]): { value: Record<string, unknown>; errors: FieldError[] }
}

const texts = [
  "custom_id",
  "type",
  "prompt",
  "template",
  "model",
  "aspect_ratio",
  "image_size",
  "output_format",
  "system_instruction",
  "thinking_level",
  "priority",
  "not_before",
]
const numbers = ["n", "output_quality", "temperature", "seed", "deadline_seconds", "max_cost_usd"]
const booleans = ["include_text"]
const json = ["safety"]
const lists = ["grounding", "fallback_models"]
const known = [...texts, ...numbers, ...booleans, ...json, ...lists, "images"]

/** Cells larger than this are no cells of a catalogue. */
const mostCellLength = 1_000_000

/**
 * The columns that a header row names: fields of an item, `images` with several URLs between `|`, `metadata.*` and
 * `variables.*`. Excel's columns without a name are no columns.
 */
export function csvColumns(header: readonly string[]): CsvColumns | { errors: FieldError[] } {
  const columns = header.map((name) => columnOf(name.trim()))
  const errors = header.flatMap((name, index) => headerErrors(name.trim(), index, header))
  if (errors.length === 0 && columns.every((column) => column === undefined)) {
    errors.push({ pointer: "", code: "required", detail: "the first row must name the columns" })
  }
  if (errors.length > 0) return { errors }
  return {
    read(cells) {
      const value: Record<string, unknown> = {}
      const wrong: FieldError[] = []
      for (const [index, cell] of cells.entries()) {
        if (cell.trim() === "") continue
        const column = columns[index]
        if (!column) {
          const detail = `cell ${index + 1} has no column name above it`
          wrong.push({ pointer: "", code: "unknown_field", detail })
        } else if (cell.length > mostCellLength) {
          wrong.push({ pointer: `/${column.name}`, code: "too_big", detail: "a cell has at most 1 MB" })
        } else {
          column.set(value, cell)
        }
      }
      return { value, errors: wrong }
    },
  }
}

function headerErrors(name: string, index: number, header: readonly string[]): FieldError[] {
  if (name === "") return []
  const pointer = `/${name.slice(0, 100).replaceAll("~", "~0").replaceAll("/", "~1")}`
  if (!columnOf(name)) {
    const detail = `there is no such column; known: ${known.join(", ")}, metadata.*, variables.*`
    return [{ pointer, code: "unknown_field", detail }]
  }
  return header.findIndex((other) => other.trim() === name) < index
    ? [{ pointer, code: "invalid_value", detail: "the column is there twice" }]
    : []
}

function columnOf(name: string): Column | undefined {
  const [group, inner] = split(name)
  if (inner !== undefined && (group === "metadata" || group === "variables")) {
    return { name: `${group}/${inner}`, set: (item, cell) => setIn(item, group, inner, cell) }
  }
  const parse = parserOf(name)
  if (!parse) return undefined
  return { name, set: (item, cell) => void (item[name] = parse(cell)) }
}

function split(name: string): [string, string | undefined] {
  const dot = name.indexOf(".")
  return dot === -1 ? [name, undefined] : [name.slice(0, dot), name.slice(dot + 1).trim() || undefined]
}

function setIn(item: Record<string, unknown>, group: string, inner: string, cell: string): void {
  const values = (item[group] ??= Object.create(null)) as Record<string, string>
  values[inner] = cell
}

function parserOf(name: string): ((cell: string) => unknown) | undefined {
  if (name === "prompt" || name === "system_instruction") return (cell) => cell
  if (texts.includes(name)) return (cell) => cell.trim()
  if (numbers.includes(name)) return numberOf
  if (booleans.includes(name)) return booleanOf
  if (json.includes(name)) return jsonOf
  if (lists.includes(name)) return listOf
  return name === "images" ? (cell) => listOf(cell).map(imageOf) : undefined
}

/** What is no number stays text, for the schema to refuse. */
const numberOf = (cell: string): unknown =>
  /^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(cell.trim()) ? Number(cell) : cell

function booleanOf(cell: string): unknown {
  const word = cell.trim().toLowerCase()
  if (["true", "yes", "1"].includes(word)) return true
  return ["false", "no", "0"].includes(word) ? false : cell
}

function jsonOf(cell: string): unknown {
  try {
    return JSON.parse(cell)
  } catch {
    return cell
  }
}

const listOf = (cell: string): string[] =>
  cell
    .split("|")
    .map((part) => part.trim())
    .filter((part) => part !== "")

const imageOf = (text: string): object => (/^ast_[0-9a-f]{32}$/.test(text) ? { asset: text } : { url: text })
