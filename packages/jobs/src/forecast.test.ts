import assert from "node:assert/strict"
import { test } from "node:test"

import { forecast, type QueueState } from "./forecast.ts"

const tenant = (name: string, waiting: number, change: Partial<QueueState["tenants"][number]> = {}) => ({
  name,
  turn: 0,
  weight: 1,
  leased: 0,
  parallelJobs: null,
  lanes: [{ model: "m", waiting }],
  ...change,
})
const queue = (change: Partial<QueueState> = {}): QueueState => ({
  now: 1_000_000,
  slots: 10,
  running: 10,
  out: 10,
  fairClock: 0,
  tenants: [tenant("a", 100)],
  tenantsInAll: 1,
  paces: new Map([["m", 20_000]]),
  turnover: 1,
  rests: new Map(),
  ...change,
})
const last = { tenant: "a", model: "m", rank: 99 }

test("a tenant alone waits for its own, as fast as slots become free", () => {
  assert.deepEqual(forecast(queue(), last), { position: 99, endsInMs: 220_000, blockedBy: null })
})

test("what handing over takes is part of the wait, not of the job", () => {
  assert.equal(forecast(queue({ turnover: 1.5 }), last).endsInMs, 320_000)
})

test("a tenant with one job waits for one of each of the others, however many they have", () => {
  const others = [tenant("a", 50_000), tenant("b", 50_000), tenant("z", 1)]
  const single = forecast(queue({ tenants: others, tenantsInAll: 3 }), { tenant: "z", model: "m", rank: 0 })
  assert.equal(single.position, 2)
})

test("weights are shares of the turns", () => {
  const tenants = [tenant("a", 100), tenant("b", 1_000, { weight: 3 })]
  assert.equal(forecast(queue({ tenants, tenantsInAll: 2 }), last).position, 99 + 297)
})

test("tenants that may have no more, and models that rest, do not go first", () => {
  const full = tenant("b", 50, { parallelJobs: 2, leased: 2 })
  const resting = tenant("c", 50, { lanes: [{ model: "n", waiting: 50 }] })
  const rests = new Map([["n", { until: 1_030_000 }]])
  const state = queue({ tenants: [tenant("a", 100), full, resting], tenantsInAll: 3, rests })
  assert.equal(forecast(state, last).position, 99)
  const held = forecast(state, { tenant: "b", model: "m", rank: 0 })
  assert.equal(held.blockedBy, "parallel_jobs")
  const rested = forecast(state, { tenant: "c", model: "n", rank: 0 })
  assert.ok((rested.endsInMs ?? 0) >= 30_000)
})

test("a tenant's own limit of jobs at once is slower than the workers", () => {
  const tenants = [tenant("a", 100, { parallelJobs: 2, leased: 2 })]
  assert.equal(forecast(queue({ tenants }), last).endsInMs, (100 * 20_000) / 2 + 20_000)
})

const about = (ms: number | null, expected: number) =>
  assert.ok(ms !== null && Math.abs(ms - expected) < expected * 0.02, `${ms} ms, not ${expected}`)

test("the upstream's quota may be slower than the workers", () => {
  const day = { leftToday: null, callsADay: null }
  const account = { opensAt: 1_000_000, ready: 1, free: 1, limit: 6, windowMs: 60_000, ...day }
  const slow = queue({ quotas: new Map([["m", [account]]]) })
  about(forecast(slow, last).endsInMs, 100 * 10_000 + 20_000)
  about(forecast({ ...slow, callsAJob: new Map([["m", 4]]) }, last).endsInMs, (4 * 99 + 1) * 10_000 + 20_000)
  const parked = queue({ quotas: new Map([["m", [{ ...account, opensAt: 4_000_000 }]]]) })
  about(forecast(parked, { ...last, rank: 0 }).endsInMs, 3_020_000)
  about(forecast({ ...parked, paces: new Map() }, { ...last, rank: 0 }).endsInMs, 3_000_000)
})

test("where there is room a job starts at once; without workers or any knowledge no time is told", () => {
  assert.equal(forecast(queue({ running: 0, out: 0 }), { ...last, rank: 0 }).endsInMs, 20_000)
  const none = forecast(queue({ slots: 0, running: 0 }), last)
  assert.deepEqual([none.endsInMs, none.blockedBy], [null, "no_worker"])
  assert.equal(forecast(queue({ paces: new Map() }), last).endsInMs, null)
  const rests = new Map([["m", { until: 1_005_000 }]])
  assert.equal(forecast(queue({ paces: new Map(), rests }), last).endsInMs, 5_000)
})

test("a model that nothing is known of takes as long as the others", () => {
  const paces = new Map([
    ["n", 10_000],
    ["o", 30_000],
  ])
  assert.equal(forecast(queue({ paces }), { ...last, rank: 0 }).endsInMs, 2_000 + 20_000)
})

test("tenants that were not looked at count like those that were", () => {
  const tenants = [tenant("a", 2), tenant("b", 2)]
  assert.equal(
    forecast(queue({ tenants, tenantsInAll: 200 }), { tenant: "a", model: "m", rank: 1 }).position,
    101,
  )
})
