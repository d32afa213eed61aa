import type { BatchItem } from "@kiln/contract"

import { csvLine } from "./csv-cell.ts"

const columns: readonly [string, (item: BatchItem) => string | number | null][] = [
  ["custom_id", (item) => item.custom_id],
  ["index", (item) => item.index],
  ["job", (item) => item.job],
  ["status", (item) => item.status],
  ["urls", (item) => item.urls.join("|")],
  ["sha256", (item) => item.outputs.map(({ sha256 }) => sha256).join("|")],
  ["error", (item) => item.error?.code ?? null],
  ["error_message", (item) => item.error?.message ?? null],
  ["cost_usd", (item) => item.cost_usd],
  ["taken_over", (item) => String(item.taken_over)],
  ["started_at", (item) => item.started_at],
  ["completed_at", (item) => item.completed_at],
]

/** The header row of results as CSV. */
export const resultHeader = (): string => csvLine(columns.map(([name]) => name))

export const resultLine = (item: BatchItem): string => csvLine(columns.map(([, cell]) => cell(item)))
