import type { JobFailure } from "@kiln/contract"

/** What an attempt showed of a model's upstream. */
export type UpstreamHealth = "answered" | "overloaded" | "gone"

/** When a model is no longer called, and for how long. */
export type CircuitPolicy = {
  /** Overloaded attempts in a row, over all workers, that open the circuit. */
  mostOverloads: number
  /** Overloads further apart than this are not in a row, in milliseconds. */
  rowMs: number
  /** The first pause; each that follows without an answer between is twice as long, up to the longest. */
  firstMs: number
  longestMs: number
  /** How long a model is not called that the upstream does not serve. */
  goneMs: number
}

export const circuitPolicy: CircuitPolicy = {
  // An upstream that refuses every second call still does half of the work, and gives five refusals in a row
  // at three of a hundred calls; one that refuses nine of ten does so at once.
  mostOverloads: 5,
  rowMs: 60_000,
  // Spells of overload last seconds or many minutes: the first pause is short, and five minutes are an
  // acceptable delay after an hour.
  firstMs: 10_000,
  longestMs: 300_000,
  // Long enough that hardly a call is wasted, short enough that a mistake of the upstream is soon over.
  goneMs: 900_000,
}

const overloads: ReadonlySet<string> = new Set(["upstream_overloaded", "upstream_timeout"])
/** A front end that does not reach what is behind it. */
const unreachableStatuses = new Set([502, 521, 522, 523])

/** Whether the upstream had no capacity for a call, or could not be reached at all. */
export function isOverload({ code, charged, upstream }: JobFailure): boolean {
  if (overloads.has(code)) return true
  if (code !== "upstream_error") return false
  return upstream?.status === undefined ? charged === "no" : unreachableStatuses.has(upstream.status)
}

/** What the calls of an attempt showed: one answer is enough; refusals of the key or the quota show nothing. */
export function healthOf(
  failures: readonly JobFailure[],
  { isAnswered }: { isAnswered: boolean },
): UpstreamHealth | null {
  if (isAnswered) return "answered"
  if (failures.some(isGone)) return "gone"
  if (failures.some(hasAnswered)) return "answered"
  return failures.some(isOverload) ? "overloaded" : null
}

const isGone = ({ code, upstream }: JobFailure) =>
  code === "model_unavailable" && upstream?.status !== undefined

const silent: ReadonlySet<string> = new Set(["upstream_auth", "upstream_billing", "upstream_quota_exhausted"])

function hasAnswered(failure: JobFailure): boolean {
  return failure.upstream?.status !== undefined && !isOverload(failure) && !silent.has(failure.code)
}
