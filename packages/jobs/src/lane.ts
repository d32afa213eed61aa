import type { JobFailure } from "@kiln/contract"

import { isOverload } from "./circuit.ts"

/** A model that may take a job over; a successor does so only when the model is gone. */
type Other = { model: string; isSuccessor: boolean }

/** Why a job leaves its model; words of `queue.blocked_by` too. */
export type Departure =
  | "upstream_overloaded"
  | "upstream_rpd"
  | "upstream_auth"
  | "upstream_billing"
  | "model_unavailable"

/** Attempts with one model before another takes over: a single refusal passes in seconds. */
const overloadsBeforeLeaving = 2

/**
 * The models that may make a job, in one word: `model`, or `model>other,~successor`. Jobs of equal lanes wait
 * together; the ledger picks the model when one's turn comes.
 */
export function laneOf(model: string, others: readonly Other[]): string {
  if (others.length === 0) return model
  return `${model}>${others.map(({ model: other, isSuccessor }) => (isSuccessor ? `~${other}` : other)).join(",")}`
}

/** The model that takes a failed image over, and why; undefined when the job stays with its own. */
export function successorFor(
  lane: string,
  failure: JobFailure,
  attempts: number,
): { model: string; reason: Departure } | undefined {
  const reason = departureOf(failure, attempts)
  const next =
    reason && othersOf(lane).find(({ isSuccessor }) => !isSuccessor || reason === "model_unavailable")
  return next && { model: next.model, reason }
}

function othersOf(lane: string): Other[] {
  const [, others = ""] = lane.split(">")
  return others
    .split(",")
    .filter((other) => other !== "")
    .map((other) => ({ model: other.replace(/^~/, ""), isSuccessor: other.startsWith("~") }))
}

/** Failures that are reasons themselves, whatever the attempts. */
const atOnce: ReadonlySet<string> = new Set<Departure>([
  "model_unavailable",
  "upstream_auth",
  "upstream_billing",
])
const isAtOnce = (code: string): code is Departure => atOnce.has(code)

function departureOf(failure: JobFailure, attempts: number): Departure | undefined {
  const { code, quota } = failure
  if (isAtOnce(code)) return code
  if (code === "upstream_quota_exhausted")
    return quota === "day" || quota === "never" ? "upstream_rpd" : undefined
  return isOverload(failure) && attempts >= overloadsBeforeLeaving ? "upstream_overloaded" : undefined
}
