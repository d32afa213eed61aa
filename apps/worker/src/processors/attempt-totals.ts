import { JobFailure, type Charged, type Warning } from "@kiln/contract"
import { CallAborted, chargedInAll, healthOf, type AttemptResult } from "@kiln/jobs"
import type { JobRecord, Spent } from "@kiln/ledger"

import { Stopped } from "../running-jobs.ts"

/** What came of one image. */
export type MadeImage = {
  charged: Charged
  text: string | null
  warnings: readonly Warning[]
}

/** Collects what an attempt comes to while its images are made side by side. */
export function createAttemptTotals(record: JobRecord) {
  const failures = new Map<number, JobFailure>()
  const charges: Charged[] = []
  const texts = new Map<number, string>()
  const warnings: Warning[] = []
  let spent: Spent = { calls: 0, input: 0, output: 0, costNanoUsd: 0 }
  const { n } = record.spec.parameters
  const missing = Array.from({ length: n }, (_, index) => index).filter(
    (index) => !record.outputs.has(index) && !record.abandoned.has(index),
  )
  let delivered = record.outputs.size

  return {
    missing: (): number[] => missing,
    /** What was used by calls whose image is not written down. */
    spent: (): Spent => spent,
    spend(more: Spent): void {
      spent = sum(spent, more)
    },

    kept(index: number, made: MadeImage): void {
      delivered += 1
      charges.push(made.charged)
      warnings.push(...made.warnings)
      if (made.text !== null) texts.set(index, made.text)
    },

    failed(index: number, error: unknown): void {
      if (error instanceof Stopped) return
      const charged = chargedOf(error)
      if (charged !== undefined) charges.push(charged)
      if (error instanceof CallAborted) return
      failures.set(index, JobFailure.from(error))
    },

    failAll(error: unknown): void {
      if (error instanceof Stopped) return
      for (const index of missing) failures.set(index, JobFailure.from(error))
    },

    result(): Omit<AttemptResult, "stopped"> {
      return {
        lane: record.lane,
        attempts: record.tries,
        deadlineAt: record.deadline?.getTime(),
        now: new Date(),
        requested: n,
        delivered,
        failures,
        abandoned: record.abandoned,
      }
    },

    charged: (): Charged => chargedInAll(charges),
    /** What is charged was answered; an adopted image is not charged. */
    health: () => healthOf([...failures.values()], { isAnswered: charges.includes("yes") }),
    upstreamStatus: (): number | null => {
      const [failure] = failures.values()
      if (failure) return failure.upstream?.status ?? null
      return charges.includes("yes") ? 200 : null
    },
    text: () => inOrder(texts),
    warnings: (): readonly Warning[] => warnings,
    failures: (): ReadonlyMap<number, JobFailure> => failures,
  }
}
export type AttemptTotals = ReturnType<typeof createAttemptTotals>

/** A sum with a part of unknown price has no known price. */
const sum = (a: Spent, b: Spent): Spent => ({
  calls: a.calls + b.calls,
  input: a.input + b.input,
  output: a.output + b.output,
  costNanoUsd: a.costNanoUsd === null || b.costNanoUsd === null ? null : a.costNanoUsd + b.costNanoUsd,
})

/** The texts in the order of their images. */
function inOrder(texts: ReadonlyMap<number, string>): string | null {
  if (texts.size === 0) return null
  const sorted = [...texts].toSorted(([a], [b]) => a - b)
  return sorted.map(([, text]) => text).join("\n\n")
}

const chargedOf = (error: unknown): Charged | undefined =>
  error instanceof JobFailure || error instanceof CallAborted ? error.charged : undefined
