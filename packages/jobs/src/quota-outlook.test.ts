import assert from "node:assert/strict"
import { test } from "node:test"

import { callsTakeMs, type AccountOutlook } from "./quota-outlook.ts"

const now = Date.parse("2026-03-01T12:00:00-08:00")
const hourMs = 3_600_000
const account = (change: Partial<AccountOutlook> = {}): AccountOutlook => ({
  opensAt: now,
  ready: 10,
  free: 20,
  limit: 20,
  windowMs: 60_000,
  leftToday: null,
  callsADay: null,
  ...change,
})
const about = (ms: number | null, expected: number) =>
  assert.ok(ms !== null && Math.abs(ms - expected) <= expected * 0.02 + 2, `${ms} ms, not ${expected}`)

test("what fits into the window goes at once; of more, the rest of it is spread", () => {
  assert.equal(callsTakeMs([account()], 20, now), 0)
  assert.equal(callsTakeMs([account({ free: 10 })], 10, now), 0)
  about(callsTakeMs([account({ free: 10 })], 15, now), 30_000)
  about(callsTakeMs([account()], 200, now), 600_000)
})

test("nothing goes before an account opens, and several together are quicker", () => {
  about(callsTakeMs([account({ opensAt: now + 90_000 })], 1, now), 90_000)
  const [one, other] = [account(), account({ limit: 60, free: 60, ready: 30 })]
  about(callsTakeMs([one, other], 800, now), 600_000)
  assert.equal(callsTakeMs([account({ opensAt: now + 90_000 }), one], 5, now), 0)
})

test("a limit that is not known holds nothing back once its account is open, and no accounts hold nothing back", () => {
  assert.equal(callsTakeMs([account({ limit: null })], 1e6, now), 0)
  about(callsTakeMs([account({ limit: null, opensAt: now + 5_000 })], 1e6, now), 5_000)
  assert.equal(callsTakeMs([], 5, now), 0)
})

test("what a day has left is less than what its windows would take; it goes on after midnight in California", () => {
  const daily = account({ leftToday: 30, callsADay: 250 })
  about(callsTakeMs([daily], 30, now), 90_000)
  about(callsTakeMs([daily], 31, now), 12 * hourMs)
  about(callsTakeMs([daily], 30 + 250 + 1, now), 36 * hourMs)
  const used = account({ leftToday: 0, callsADay: 250, opensAt: now + 12 * hourMs })
  about(callsTakeMs([used], 1, now), 12 * hourMs)
})

test("nobody is told a time in years", () => {
  assert.equal(callsTakeMs([account({ leftToday: 0, callsADay: 1 })], 10_000, now), null)
})
