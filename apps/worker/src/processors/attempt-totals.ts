import { JobFailure, type Charged, type ContentPiece, type Warning } from "@kiln/contract"
import {
  CallAborted,
  CallHeld,
  chargedInAll,
  healthOf,
  type AttemptResult,
  type PaintedPiece,
} from "@kiln/jobs"
import type { JobRecord, Spent } from "@kiln/ledger"

import { Stopped } from "../running-jobs.ts"

/** What came of one image. */
export type MadeImage = {
  charged: Charged
  /** What came with it, in its order; absent: nothing but the image. */
  content?: readonly PaintedPiece[] | undefined
  warnings: readonly Warning[]
}

/** Collects what an attempt comes to while its images are made side by side. */
export function createAttemptTotals(record: JobRecord) {
  const failures = new Map<number, JobFailure>()
  const held = new Map<number, CallHeld>()
  const charges: Charged[] = []
  const contents = new Map<number, MadeImage["content"]>()
  const warnings: Warning[] = []
  let spent: Spent = { calls: 0, input: 0, output: 0, costNanoUsd: 0 }
  const { n } = record.spec.parameters
  const missing = missingOf(record)
  let delivered = record.outputs.size
  let fingerprint: string | undefined

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
      contents.set(index, made.content)
    },

    /** Tells once what earlier attempts may have told. */
    warn(more: readonly Warning[]): void {
      const told = [...record.warned, ...warnings]
      warnings.push(...more.filter(({ code }) => !told.some((warning) => warning.code === code)))
    },

    failed(index: number, error: unknown): void {
      if (error instanceof Stopped) return
      const charged = chargedOf(error)
      if (charged !== undefined) charges.push(charged)
      if (error instanceof CallAborted) return
      if (error instanceof CallHeld) return void held.set(index, error)
      failures.set(index, JobFailure.from(error))
    },

    shapedBy: (pictures: string) => void (fingerprint = pictures),
    /** What shaped all images of the job; undefined when that is not one thing. */
    fingerprint: () =>
      record.attempts.every(({ model }) => model === record.model) ? fingerprint : undefined,

    failAll(error: unknown): void {
      if (error instanceof Stopped) return
      for (const index of missing) failures.set(index, JobFailure.from(error))
    },

    result(): Omit<AttemptResult, "stopped"> {
      return { ...situationOf(record), requested: n, delivered, failures, held }
    },

    charged: (): Charged => chargedInAll(charges),
    /** What is charged was answered; an adopted image is not charged. */
    health: () => healthOf([...failures.values()], { isAnswered: charges.includes("yes") }),
    upstreamStatus: () => statusOf([...failures.values(), ...refusalsOf(held)], charges),
    content: (): ContentPiece[] => inOrder(contents),
    warnings: (): readonly Warning[] => warnings,
    failures: (): ReadonlyMap<number, JobFailure> => failures,
  }
}
export type AttemptTotals = ReturnType<typeof createAttemptTotals>

const missingOf = ({ spec, outputs, abandoned }: JobRecord): number[] =>
  Array.from({ length: spec.parameters.n }, (_, index) => index).filter(
    (index) => !outputs.has(index) && !abandoned.has(index),
  )

const situationOf = ({ lane, tries, deadline, abandoned }: JobRecord) => ({
  lane,
  attempts: tries,
  deadlineAt: deadline?.getTime(),
  now: new Date(),
  abandoned,
})

const refusalsOf = (held: ReadonlyMap<number, CallHeld>) =>
  [...held.values()].flatMap(({ refusal }) => refusal ?? [])

function statusOf(failures: readonly JobFailure[], charges: readonly Charged[]): number | null {
  const [failure] = failures
  if (failure) return failure.upstream?.status ?? null
  return charges.includes("yes") ? 200 : null
}

/** A sum with a part of unknown price has no known price. */
const sum = (a: Spent, b: Spent): Spent => ({
  calls: a.calls + b.calls,
  input: a.input + b.input,
  output: a.output + b.output,
  costNanoUsd: a.costNanoUsd === null || b.costNanoUsd === null ? null : a.costNanoUsd + b.costNanoUsd,
})

/** What came with an image; where that is not known, the image alone. */
export const asContent = (output: number, pieces: MadeImage["content"]): ContentPiece[] =>
  (pieces ?? [{ type: "image" }]).map((piece) => (piece.type === "text" ? piece : { type: "image", output }))

/** The contents in the order of their images. */
const inOrder = (contents: ReadonlyMap<number, MadeImage["content"]>): ContentPiece[] =>
  [...contents].toSorted(([a], [b]) => a - b).flatMap(([output, pieces]) => asContent(output, pieces))

const chargedOf = (error: unknown): Charged | undefined =>
  error instanceof JobFailure || error instanceof CallAborted ? error.charged : undefined
