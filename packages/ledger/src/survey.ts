import type { AccountOutlook } from "@kiln/jobs"

import type { Scripts } from "./scripts.ts"

/** Everything that waits and works, at one moment of Redis's clock. */
export type Survey = {
  now: number
  /** Jobs that may be with the queue and the workers at once, and those that are. */
  window: number
  out: number
  /** Jobs that wait for a time. */
  later: number
  queued: number
  running: number
  /** Jobs that ever ended, by their status. */
  ended: ReadonlyMap<string, number>
  /** `starvedMs`: for how long it has had room, something to take, and took nothing. */
  workers: readonly { id: string; slots: number; running: number; starvedMs: number }[]
  rests: ReadonlyMap<string, { until: number; reason: string }>
  /** Milliseconds that a job of a model keeps a worker's slot, on average. */
  paces: ReadonlyMap<string, number>
  /** Calls that a job of a model makes, on average. */
  callsAJob: ReadonlyMap<string, number>
  /** What the upstream's accounts will take of a model; models that no worker speaks of are not there. */
  quotas: ReadonlyMap<string, readonly AccountOutlook[]>
  /** Over about the last minute. */
  jobsEndedPerMinute: number
  /** How much longer than a job keeps it a slot takes for a job; at least 1. */
  turnover: number
  fairClock: number
  /** The tenants with waiting jobs whose turns come first, and how many have any. */
  tenants: readonly SurveyedTenant[]
  tenantsInAll: number
}

type SurveyedTenant = {
  name: string
  /** Its next turn on the fair clock. */
  turn: number
  weight: number
  leased: number
  parallelJobs: number | null
  lanes: readonly { model: string; waiting: number; oldest: string }[]
}

type Lane = [model: string, waiting: number, oldest: string]
type Tenant = [name: string, turn: string, weight: string, leased: string, parallel: string, lanes: Lane[]]
type Outlook = [
  opensAt: string,
  ready: number,
  free: number,
  limit: number | "",
  windowMs: string,
  leftToday: number | "",
  callsADay: number | "",
]
type Answer = [
  now: number,
  tenantsInAll: number,
  out: number,
  later: number,
  window: string,
  fairClock: string,
  totals: string[],
  workers: string[],
  rests: string[],
  paces: string[],
  rate: string[],
  quotas: [model: string, accounts: Outlook[]][],
  tenants: Tenant[],
]

/** Those of further tenants are not looked at: no step takes long. */
const mostTenants = 200

/** Looks at the whole queue in one step; whoever asks often keeps the answer for a moment. */
export function createSurvey({ scripts }: { scripts: Scripts }) {
  return async function survey(): Promise<Survey> {
    const answer = (await scripts.run("survey", mostTenants)) as Answer
    const [
      now,
      tenantsInAll,
      out,
      later,
      window,
      fairClock,
      totals,
      workers,
      rests,
      paces,
      rate,
      quotas,
      tenants,
    ] = answer
    const counted = new Map(pairs(totals).map(([name, value]) => [name, Number(value)]))
    return {
      now,
      window: Number(window),
      out,
      later,
      queued: counted.get("queued") ?? 0,
      running: counted.get("running") ?? 0,
      ended: new Map(
        [...counted].flatMap(([name, value]) => (name.startsWith("ended:") ? [[name.slice(6), value]] : [])),
      ),
      workers: pairs(workers).flatMap(([id, entry]) => decodeWorker(id, entry, now)),
      rests: new Map(pairs(rests).flatMap(([model, entry]) => decodeRest(model, entry, now))),
      paces: new Map(pairs(paces).map(([model, pace]) => [model, Number(pace.split("|")[0])])),
      callsAJob: new Map(pairs(paces).map(([model, pace]) => [model, Number(pace.split("|")[2] ?? 1)])),
      quotas: new Map(quotas.map(([model, accounts]) => [model, accounts.map(decodeOutlook)])),
      ...decodeRate(rate, now),
      fairClock: Number(fairClock),
      tenants: tenants.map(decodeTenant),
      tenantsInAll,
    }
  }
}

const decodeOutlook = ([
  at,
  ready,
  free,
  limit,
  windowMs,
  leftToday,
  callsADay,
]: Outlook): AccountOutlook => ({
  opensAt: Number(at),
  ready,
  free,
  limit: limit === "" ? null : limit,
  windowMs: Number(windowMs),
  leftToday: leftToday === "" ? null : leftToday,
  callsADay: callsADay === "" ? null : callsADay,
})

/** Twenty jobs say enough of the time between them. */
const fewestJobs = 20

function decodeRate(flat: readonly string[], now: number) {
  const rate = Object.fromEntries(pairs(flat).map(([name, value]) => [name, Number(value)]))
  const { jobs = 0, at = now, slot_ms: slotMs = 0, job_ms: jobMs = 0, n = 0 } = rate
  return {
    jobsEndedPerMinute: jobs * Math.exp((at - now) / 60_000),
    turnover: n >= fewestJobs && jobMs > 0 ? Math.max(1, slotMs / jobMs) : 1,
  }
}

function decodeWorker(id: string, entry: string, now: number) {
  const [until = 0, slots = 0, running = 0, , starvedSince = 0] = entry.split("|").map(Number)
  if (until < now) return []
  return [{ id, slots, running, starvedMs: starvedSince > 0 ? now - starvedSince : 0 }]
}

function decodeRest(model: string, entry: string, now: number) {
  const [until = "0", reason = ""] = entry.split("|")
  return Number(until) > now ? [[model, { until: Number(until), reason }] as const] : []
}

const decodeTenant = ([name, turn, weight, leased, parallel, lanes]: Tenant): SurveyedTenant => ({
  name,
  turn: Number(turn),
  weight: weight === "" ? 1 : Number(weight),
  leased: Number(leased),
  parallelJobs: parallel === "" ? null : Number(parallel),
  lanes: lanes.map(([model, waiting, oldest]) => ({ model, waiting, oldest })),
})

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, index) =>
    index % 2 === 0 ? [[name, flat[index + 1] ?? ""] satisfies [string, string]] : [],
  )
}
