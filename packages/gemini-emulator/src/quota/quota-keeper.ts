import { createBoundedMap } from "../bounded-map.ts"
import type { Clock } from "../clock.ts"
import { quotaError, quotaLimits, zeroQuotaError } from "./quota-error.ts"

/** Limits per key and model: requests a minute, images a minute, requests a day. Absent: no limit. */
export type Quota = {
  rpm?: number
  ipm?: number
  rpd?: number
  /** Length of the window that stands for a minute, so that tests need not wait for real ones; 60 000 if absent. */
  windowMs?: number
  /** Refuses without naming its limits, as some gateways do. */
  isSilent?: boolean
}

export type QuotaKeeper = {
  /** Counts a request. @throws GoogleError 429 with the time that is left until the limit allows one more. */
  take(key: string, model: string, makesImage: boolean): void
  set(quota: Quota): void
  clear(): void
}

/** What one key used of one model; `minute` and `images` hold the instants of the last window. */
type Use = { minute: number[]; images: number[]; day: string; today: number }

const minuteMs = 60_000

export function createQuotaKeeper(options: { clock: Clock; quota: Quota }): QuotaKeeper {
  let quota = options.quota
  const uses = createBoundedMap<Use>({ limit: 10_000 })
  return {
    take(key, model, makesImage) {
      const now = options.clock.now()
      const use = uses.get(`${key} ${model}`) ?? { minute: [], images: [], day: "", today: 0 }
      const day = pacificDay(now)
      if (use.day !== day) [use.day, use.today] = [day, 0]
      checkMinute("rpm", quota, use.minute, model, now)
      if (makesImage) checkMinute("ipm", quota, use.images, model, now)
      checkDay(quota, use, model, now)
      if (quota.rpm !== undefined) use.minute.push(now)
      if (quota.ipm !== undefined && makesImage) use.images.push(now)
      use.today += 1
      uses.set(`${key} ${model}`, use)
    },
    set(next) {
      quota = next
    },
    clear: () => uses.clear(),
  }
}

function checkMinute(
  name: "rpm" | "ipm",
  { windowMs = minuteMs, isSilent = false, ...limits }: Quota,
  instants: number[],
  model: string,
  now: number,
): void {
  const limit = limits[name]
  if (limit === undefined) return
  if (limit === 0) throw zeroQuotaError(model)
  while (instants[0] !== undefined && instants[0] <= now - windowMs) instants.shift()
  const freed = instants[instants.length - limit]
  if (freed === undefined) return
  const retrySeconds = (freed + windowMs - now) / 1000
  throw quotaError({ ...quotaLimits[name], limit, isSilent, model, retrySeconds })
}

function checkDay({ rpd: limit, isSilent = false }: Quota, use: Use, model: string, now: number): void {
  if (limit === undefined) return
  if (limit === 0) throw zeroQuotaError(model)
  if (use.today < limit) return
  const retrySeconds = secondsUntilPacificMidnight(now)
  throw quotaError({ ...quotaLimits.rpd, limit, isSilent, model, retrySeconds })
}

const pacific = new Intl.DateTimeFormat("en-CA", {
  timeZone: "America/Los_Angeles",
  dateStyle: "short",
  timeStyle: "medium",
  hourCycle: "h23",
})

function pacificDay(now: number): string {
  return pacific.format(now).slice(0, 10)
}

// Ignores the two days a year that are an hour longer or shorter.
function secondsUntilPacificMidnight(now: number): number {
  const [hours = 0, minutes = 0, seconds = 0] = pacific.format(now).slice(-8).split(":").map(Number)
  return 86_400 - (hours * 3600 + minutes * 60 + seconds)
}
