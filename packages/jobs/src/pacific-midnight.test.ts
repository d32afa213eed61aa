import assert from "node:assert/strict"
import { test } from "node:test"

import { nextPacificMidnight } from "./pacific-midnight.ts"

const midnightAfter = (now: string) => nextPacificMidnight(new Date(now)).toISOString()

test("midnight in California is eight hours behind UTC in winter and seven in summer", () => {
  assert.equal(midnightAfter("2026-11-22T12:00:00.123Z"), "2026-11-23T08:00:00.000Z")
  assert.equal(midnightAfter("2026-07-01T12:00:00Z"), "2026-07-02T07:00:00.000Z")
})

test("at midnight itself the next one is a day away", () => {
  assert.equal(midnightAfter("2026-11-23T08:00:00Z"), "2026-11-24T08:00:00.000Z")
})

test("the days on which the clocks change have 23 and 25 hours", () => {
  assert.equal(midnightAfter("2026-03-08T09:00:00Z"), "2026-03-09T07:00:00.000Z")
  assert.equal(midnightAfter("2026-11-01T08:00:00Z"), "2026-11-02T08:00:00.000Z")
})
