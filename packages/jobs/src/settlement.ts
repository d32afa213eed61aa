import {
  JobFailure,
  type AttemptOutcome,
  type Charged,
  type JobError,
  type TerminalStatus,
} from "@kiln/contract"

import { successorFor, type Departure } from "./lane.ts"
import { decideRetry, type RetrySituation } from "./retry.ts"
import type { BlockedBy, CallHeld } from "./upstream-calls.ts"

/** Why a run was stopped from outside before its calls had ended. */
export type StopReason = "canceled" | "deadline" | "shutdown"

/** What one attempt came to. */
export type AttemptResult = RetrySituation & {
  /** The job's model and those that may take over. */
  lane: string
  requested: number
  /** Images that are kept, from earlier attempts too. */
  delivered: number
  /** The images that failed now, by index. */
  failures: ReadonlyMap<number, JobFailure>
  /** The images for which the upstream had no call. */
  held: ReadonlyMap<number, CallHeld>
  /** The images that earlier attempts gave up. */
  abandoned: ReadonlyMap<number, JobError>
  stopped: StopReason | undefined
}

type Shortfall = { requested: number; delivered: number; errors: JobError[] }

/** What is written into the ledger at the end of an attempt. */
export type Settlement =
  | {
      kind: "end"
      status: TerminalStatus
      outcome: AttemptOutcome
      error: JobError | null
      shortfall: Shortfall | null
    }
  | {
      kind: "again"
      outcome: AttemptOutcome
      /** Milliseconds from now; 0 is at once. */
      delayMs: number
      /** Whether the attempt is not counted. */
      free: boolean
      /** What of the upstream it waits for; null when the failure alone makes it wait. */
      blockedBy: BlockedBy | null
      /** Images that will not be tried again, by index. */
      abandoned: Map<number, JobError>
      /** Another model makes the rest. */
      successor: { model: string; reason: Departure } | null
    }

/** Decides how an attempt ends. All images are there: succeeded, even when a cancel came too late to matter. */
export function settle(result: AttemptResult): Settlement {
  if (result.delivered >= result.requested) {
    return { kind: "end", status: "succeeded", outcome: "succeeded", error: null, shortfall: null }
  }
  const open = result.requested - result.delivered - result.abandoned.size - result.failures.size
  switch (result.stopped) {
    case "canceled":
      return { kind: "end", status: "canceled", outcome: "canceled", error: null, shortfall: null }
    case "deadline": {
      const error = describeFailure(
        new JobFailure("deadline_exceeded", "The job did not end before its deadline"),
      )
      return { kind: "end", status: "expired", outcome: "deadline_exceeded", error, shortfall: null }
    }
    case "shutdown":
      // It came too late to interrupt anything.
      if (open <= 0) return settleFailures(result)
      return {
        kind: "again",
        outcome: "handed_back",
        delayMs: 0,
        free: true,
        blockedBy: null,
        abandoned: abandonedOf(result),
        successor: null,
      }
    case undefined:
      return settleFailures(result)
  }
}

function settleFailures(result: AttemptResult): Settlement {
  return leave(result) ?? stay(result)
}

const successorOf = ({ lane, attempts }: AttemptResult, failure: JobFailure) =>
  successorFor(lane, failure, attempts)

/** Another model takes over what this one cannot make now. Its own quota is no reason to wait. */
function leave(result: AttemptResult): Settlement | undefined {
  const refusals = [...result.held.values()].flatMap(({ refusal }) => refusal ?? [])
  const leaving = [...result.failures.values(), ...refusals].flatMap((failure) => {
    const successor = successorOf(result, failure)
    return successor ? [{ failure, successor }] : []
  })
  const first = leaving[0]
  if (!first) return undefined
  return {
    kind: "again",
    outcome: first.failure.code,
    delayMs: 0,
    free: false,
    blockedBy: null,
    abandoned: abandonedOf(result),
    successor: first.successor,
  }
}

function stay(result: AttemptResult): Settlement {
  const decided = [...result.failures.values()].map((failure) => ({
    failure,
    retry: decideRetry(failure, result),
  }))
  const hopeful = decided.filter(({ retry }) => retry.again)
  const abandoned = abandonedOf(result)
  const holds = [...result.held.values()]
  if (hopeful.length === 0 && holds.length === 0) {
    return giveUp(result, decided[0]?.failure, [...abandoned.values()])
  }
  const waits = [
    ...hopeful.map(({ failure, retry }) => ({ outcome: failure.code, ms: delayOf(retry), blockedBy: null })),
    ...holds.map((hold) => ({
      outcome: outcomeOf(hold),
      ms: holdMs(hold, result),
      blockedBy: hold.blockedBy,
    })),
  ]
  const { ms, blockedBy } = waits.reduce((a, b) => (b.ms > a.ms ? b : a))
  return {
    kind: "again",
    outcome: waits[0]?.outcome ?? "handed_back",
    delayMs: ms,
    free: hopeful.length === 0,
    blockedBy,
    abandoned,
    successor: null,
  }
}

const outcomeOf = ({ refusal }: CallHeld): AttemptOutcome => refusal?.code ?? "handed_back"

/** A job that found its account refused lets others try first: what it asks for may be the cause. */
const parkedMs = 60_000

function holdMs({ blockedBy, inMs, refusal }: CallHeld, { lane }: AttemptResult): number {
  const isPaced = blockedBy === "upstream_rpm"
  // Another model takes over as soon as its turn comes.
  if (!isPaced && lane.includes(">")) return Math.min(inMs, 1_000)
  return isPaced || !refusal || blockedBy === "upstream_rpd" ? inMs : Math.max(inMs, parkedMs)
}

/** The images that are given up, those of earlier attempts too. */
function abandonedOf(result: AttemptResult): Map<number, JobError> {
  const lost = [...result.failures].filter(
    ([, failure]) => !successorOf(result, failure) && !decideRetry(failure, result).again,
  )
  return new Map([
    ...result.abandoned,
    ...lost.map(([index, failure]) => [index, describeFailure(failure)] as const),
  ])
}

const delayOf = (retry: ReturnType<typeof decideRetry>): number => (retry.again ? retry.delayMs : 0)

function giveUp(result: AttemptResult, last: JobFailure | undefined, errors: JobError[]): Settlement {
  const { requested, delivered } = result
  const outcome = last?.code ?? errors[0]?.code ?? "internal"
  if (delivered > 0) {
    return {
      kind: "end",
      status: "succeeded",
      outcome,
      error: null,
      shortfall: { requested, delivered, errors },
    }
  }
  const error = last ? describeFailure(last) : (errors[0] ?? describeFailure(JobFailure.from(undefined)))
  return { kind: "end", status: "failed", outcome, error, shortfall: null }
}

/** A failure in the words of the contract. */
export function describeFailure(failure: JobFailure): JobError {
  const { upstream } = failure
  return {
    code: failure.code,
    message: failure.message,
    retryable: failure.retryable,
    upstream: upstream
      ? {
          status: upstream.status ?? null,
          finish_reason: upstream.finish_reason ?? null,
          block_reason: upstream.block_reason ?? null,
          message: upstream.message ?? null,
        }
      : null,
  }
}

/** Whether several calls were charged: one doubt makes the sum doubtful. */
export const chargedInAll = (each: readonly Charged[]): Charged =>
  each.includes("unknown") ? "unknown" : each.includes("yes") ? "yes" : "no"
