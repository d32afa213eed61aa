import assert from "node:assert/strict"
import test from "node:test"

import { retryAfterMs } from "./retry-after.ts"

const now = new Date("2026-11-22T08:00:00Z")
const said = (message: string, header?: string) => retryAfterMs({ message }, header, now)
const delayed = (retryDelay: string) => retryAfterMs({ details: [{}, { retryDelay }] }, undefined, now)

test("RetryInfo is a protobuf duration, rounded up to milliseconds", () => {
  assert.equal(delayed("34s"), 34_000)
  assert.equal(delayed("25.3s"), 25_300)
  assert.equal(delayed("34.074824224s"), 34_075)
  assert.equal(delayed("0s"), 0)
  assert.equal(delayed("999999s"), 24 * 3_600_000)
  assert.equal(delayed("soon"), undefined)
})

test("the message's sentence is read in the upstream's forms", () => {
  assert.equal(said("limit: 250\\nPlease retry in 34.4s."), 34_400)
  assert.equal(said("Please retry in 512.2ms."), 513)
  assert.equal(said("Please retry in 1h2m3s."), 3_723_000)
  assert.equal(said("Please retry later."), undefined)
})

test("the Retry-After header is the last resort, in seconds or as a date", () => {
  assert.equal(said("", "7"), 7_000)
  assert.equal(said("", "Sun, 22 Nov 2026 08:01:00 GMT"), 60_000)
  assert.equal(said("", "Sun, 22 Nov 2026 07:00:00 GMT"), 0)
  assert.equal(said("", "never"), undefined)
  assert.equal(said("Please retry in 2s.", "7"), 2_000)
})
