import { JobFailure } from "@kiln/contract"

import { nextPacificMidnight } from "./pacific-midnight.ts"
import { CallAborted } from "./paint.ts"

/** Why jobs wait for the upstream: its quota of a minute or a day, no quota at all, a refused key, no credit. */
export type BlockedBy =
  | "upstream_rpm"
  | "upstream_rpd"
  | "upstream_quota"
  | "upstream_auth"
  | "upstream_billing"

/** A project of the upstream and what it allows for a model: calls a window and a day; null is not known. */
export type Account = { project: string; rpm: number | null; rpd: number | null; windowMs: number }

export type CallAnswer =
  /** The call may be sent in `inMs`. A probe is the one call that finds out whether the account works again. */
  | { kind: "go"; project: string; inMs: number; at: number; isProbe: boolean }
  | { kind: "wait"; blockedBy: BlockedBy; inMs: number }

/** What came of a call, where that says something of its account. */
export type CallEnd =
  | { kind: "served" }
  | { kind: "unsent" }
  /** Not an end: it went later than it was taken for. */
  | { kind: "late" }
  | { kind: "refused"; retryAfterMs: number | undefined; limit: number | undefined }
  /** Without an end it is tried again by and by. */
  | { kind: "parked"; blockedBy: BlockedBy; until: Date | undefined }

/** No account has a call for an image now. It costs no attempt: the job waits in the ledger. */
export class CallHeld extends Error {
  override name = "CallHeld"
  readonly blockedBy: BlockedBy
  /** Milliseconds until asking again is worthwhile. */
  readonly inMs: number
  /** The refusal that made it wait, where a call was made. */
  readonly refusal: JobFailure | undefined

  constructor(options: { blockedBy: BlockedBy; inMs: number; refusal?: JobFailure | undefined }) {
    super(`The upstream takes no call: ${options.blockedBy}`, { cause: options.refusal })
    this.blockedBy = options.blockedBy
    this.inMs = options.inMs
    this.refusal = options.refusal
  }
}

/** What a failed call says of the account that it was made with; undefined when nothing. */
export function judgeCall(error: unknown, now: Date): CallEnd | undefined {
  if (error instanceof CallAborted) return error.charged === "no" ? { kind: "unsent" } : undefined
  if (!(error instanceof JobFailure)) return undefined
  const { code, quota } = error
  if (code === "upstream_auth" || code === "upstream_billing") {
    return { kind: "parked", blockedBy: code, until: undefined }
  }
  // An upload that was refused says nothing of the quota of calls.
  if (!error.wasAsked) return { kind: "unsent" }
  if (code !== "upstream_quota_exhausted") return undefined
  if (quota === "day") return { kind: "parked", blockedBy: "upstream_rpd", until: nextPacificMidnight(now) }
  if (quota === "never") return { kind: "parked", blockedBy: "upstream_quota", until: undefined }
  return { kind: "refused", retryAfterMs: error.retryAfterMs, limit: error.quotaLimit }
}
