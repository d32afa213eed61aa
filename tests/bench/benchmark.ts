import { median } from "./median.ts"

/** One line of the table. The ratio is Kiln's number divided by its bare equivalent's. */
export type Row = {
  measure: string
  unit: string
  bare: number
  kiln: number
  ratio: number
  /** What the line should show, in words and as a verdict of this run; absent where nothing is promised. */
  aim?: { text: string; isMet: boolean }
}

export type Benchmark = {
  name: string
  /** What is compared, in a sentence for the reader of the table. */
  compares: string
  run: (progress: Progress) => Promise<Row[]>
}

export type Progress = (line: string) => void

type Compared = { measure: string; unit: string; bare: readonly number[]; kiln: readonly number[]; aim?: Aim }
type Aim = { ratio: { atLeast: number } | { atMost: number } } | { kilnBelow: number }

/** A line of medians; the ratio is the median of the rounds' own ratios, as neighbours in time compare best. */
export function compare({ measure, unit, bare, kiln, aim }: Compared): Row {
  const ratio = median(kiln.map((value, round) => value / (bare[round] ?? NaN)))
  const row = { measure, unit, bare: median(bare), kiln: median(kiln), ratio }
  return aim ? { ...row, aim: judge(aim, row) } : row
}

function judge(aim: Aim, { kiln, ratio, unit }: Row) {
  if ("kilnBelow" in aim) return { text: `< ${aim.kilnBelow} ${unit}`, isMet: kiln < aim.kilnBelow }
  if ("atLeast" in aim.ratio) return { text: `≥ ${aim.ratio.atLeast}`, isMet: ratio >= aim.ratio.atLeast }
  return { text: `≤ ${aim.ratio.atMost}`, isMet: ratio <= aim.ratio.atMost }
}
