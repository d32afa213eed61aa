import { nextPacificMidnight } from "./pacific-midnight.ts"

/** What an account of the upstream will take of a model, as it is now; times are milliseconds of one clock. */
export type AccountOutlook = {
  /** When its next call may go. */
  opensAt: number
  /** Calls that go at once then where more is waiting than a window takes, and where less is. */
  ready: number
  free: number
  /** Calls a window; null is not known. */
  limit: number | null
  windowMs: number
  /** Null: days have no limit. */
  leftToday: number | null
  callsADay: number | null
}

const dayMs = 86_400_000
/** Whoever would wait longer is told nothing. */
const longestMs = 366 * dayMs

/**
 * Milliseconds until a model's accounts together have let so many calls go; 0 where nothing is known of them, null
 * where they never will.
 */
export function callsTakeMs(accounts: readonly AccountOutlook[], calls: number, now: number): number | null {
  if (accounts.length === 0) return 0
  const midnight = nextPacificMidnight(new Date(now)).getTime()
  const goneBy = (at: number) =>
    accounts.reduce((sum, account) => sum + callsBy(account, { calls, at, midnight }), 0)
  if (goneBy(now) >= calls) return 0
  let [low, high] = [0, 1_000]
  while (goneBy(now + high) < calls) {
    if (high > longestMs) return null
    low = high
    high *= 2
  }
  while (high - low > 1) {
    const middle = (low + high) / 2
    if (goneBy(now + middle) >= calls) high = middle
    else low = middle
  }
  return high
}

/** Calls that an account lets go until a time, of so many that wait. */
function callsBy(
  account: AccountOutlook,
  { calls, at, midnight }: { calls: number; at: number; midnight: number },
): number {
  const { opensAt, leftToday, callsADay } = account
  if (at < opensAt) return 0
  if (leftToday === null || callsADay === null) return inWindows(account, at - opensAt, calls)
  const first = opensAt < midnight ? inWindows(account, Math.min(at, midnight) - opensAt, calls) : 0
  const today = Math.min(first, leftToday)
  const dayStart = Math.max(midnight, opensAt)
  if (at < dayStart) return today
  const days = Math.floor((at - dayStart) / dayMs)
  const aDay = Math.min(callsADay, inWindows(account, dayMs, Infinity))
  return today + days * aDay + Math.min(callsADay, inWindows(account, (at - dayStart) % dayMs, Infinity))
}

/** A window takes its limit, whatever was in it before; what goes at once is a part of that. */
function inWindows({ ready, free, limit, windowMs }: AccountOutlook, ms: number, calls: number): number {
  if (limit === null) return Infinity
  if (calls <= free) return calls
  if (ms >= windowMs) return Math.floor((limit * ms) / windowMs)
  return Math.floor(ready + ((limit - ready) * ms) / windowMs)
}
