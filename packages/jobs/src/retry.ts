import type { JobFailure, JobFailureCode } from "@kiln/contract"

/** What to do after a failed call. */
export type RetryDecision = { again: false } | { again: true; delayMs: number }

export type RetrySituation = {
  /** Attempts that were begun and counted so far, this one included. */
  attempts: number
  /** The job's deadline as milliseconds of the epoch. */
  deadlineAt?: number | undefined
  now: Date
  random?: () => number
}

/** Attempts that a job gets in all, whatever goes wrong. */
export const maxAttempts = 5

type Rule = { attempts: number; firstMs: number; longestMs: number }
const never: Rule = { attempts: 1, firstMs: 0, longestMs: 0 }

/** The whole policy: how often each failure is tried in all, and the waits, doubling up to the longest. */
const rules: Record<JobFailureCode, Rule> = {
  content_blocked: never,
  // The same prompt may well give an image the next time; each try is billed for its input.
  no_image: { attempts: 3, firstMs: 500, longestMs: 2_000 },
  text_only: never,
  invalid_request: never,
  input_unreadable: never,
  input_unreachable: { attempts: 3, firstMs: 2_000, longestMs: 30_000 },
  model_unavailable: never,
  upstream_auth: never,
  upstream_billing: never,
  upstream_quota_exhausted: { attempts: maxAttempts, firstMs: 2_000, longestMs: 60_000 },
  upstream_overloaded: { attempts: maxAttempts, firstMs: 2_000, longestMs: 60_000 },
  // A call that timed out may have been billed: one more, not four.
  upstream_timeout: { attempts: 2, firstMs: 2_000, longestMs: 30_000 },
  upstream_error: { attempts: 4, firstMs: 1_000, longestMs: 30_000 },
  storage_error: { attempts: maxAttempts, firstMs: 1_000, longestMs: 30_000 },
  deadline_exceeded: never,
  budget_exceeded: never,
  internal: { attempts: 3, firstMs: 1_000, longestMs: 10_000 },
}

/** The upstream's answer when the prompt itself asks for no picture: another try rarely helps. */
const deterministicNoImage = "NO_IMAGE"

/** Decides from the failure's kind, the upstream's own wait, the attempts left and the deadline. */
export function decideRetry(failure: JobFailure, situation: RetrySituation): RetryDecision {
  const decision = decideAttempt(failure, situation)
  if (!decision.again || situation.deadlineAt === undefined) return decision
  const resumesAt = situation.now.getTime() + decision.delayMs
  return resumesAt < situation.deadlineAt ? decision : { again: false }
}

function decideAttempt(failure: JobFailure, situation: RetrySituation): RetryDecision {
  if (!failure.retryable) return { again: false }
  const rule = rules[failure.code]
  const allowed = failure.upstream?.finish_reason === deterministicNoImage ? 2 : rule.attempts
  if (situation.attempts >= Math.min(allowed, maxAttempts)) return { again: false }
  const { random = Math.random } = situation
  const doubled = Math.min(rule.firstMs * 2 ** (situation.attempts - 1), rule.longestMs)
  const delayMs = Math.max(failure.retryAfterMs ?? 0, Math.round(doubled * (0.5 + random() / 2)))
  return { again: true, delayMs }
}
