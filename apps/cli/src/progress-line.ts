import type { Batch } from "@kiln/contract"

import { duration, usd } from "./in-words.ts"

const widest = 30
const leastBar = 8

/** `████░░░░  45 %  270/600 · 4 failed · $6.55 of $20.16 · 15 min left · 260 saved`, in so many columns. */
export function batchLine(
  { counts, usage, eta_seconds: eta, status }: Batch,
  saved: number | undefined,
  columns: number,
): string {
  const done = counts.succeeded + counts.failed + counts.canceled + counts.expired
  const lost = counts.failed + counts.expired
  const spent = `${usd(usage.cost_usd)} of ${usd(usage.estimated_cost_usd)}`
  const facts = [
    `${done}/${counts.total}`,
    ...(lost > 0 ? [`${lost} failed`] : []),
    ...(usage.cost_usd === null && usage.estimated_cost_usd === null ? [] : [spent]),
    ...(status === "running" ? (eta === null ? [] : [`${duration(eta)} left`]) : [status]),
    ...(saved === undefined ? [] : [`${saved} saved`]),
  ]
  return barLine(counts.total === 0 ? 1 : done / counts.total, facts.join(" · "), columns)
}

/** A bar before a text; in a narrow terminal the bar goes first, then the end of the text. */
export function barLine(share: number, text: string, columns: number): string {
  const percent = `${Math.floor(share * 100)} %`.padStart(5)
  const width = Math.min(widest, columns - percent.length - text.length - 4)
  const line = width < leastBar ? `${percent.trim()}  ${text}` : `${bar(share, width)} ${percent}  ${text}`
  return line.slice(0, Math.max(1, columns - 1))
}

function bar(share: number, width: number): string {
  const full = Math.floor(share * width)
  return "█".repeat(full) + "░".repeat(width - full)
}
