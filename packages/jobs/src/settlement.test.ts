import assert from "node:assert/strict"
import { test } from "node:test"

import { JobFailure } from "@kiln/contract"

import { chargedInAll, describeFailure, settle, type AttemptResult } from "./settlement.ts"

const blocked = new JobFailure("content_blocked", "blocked")
const overloaded = new JobFailure("upstream_overloaded", "busy")

const attempt = (change: Partial<AttemptResult> = {}): AttemptResult => ({
  lane: "a",
  attempts: 1,
  now: new Date("2026-11-22T12:00:00Z"),
  random: () => 1,
  requested: 2,
  delivered: 0,
  failures: new Map(),
  abandoned: new Map(),
  stopped: undefined,
  ...change,
})

test("all images make a success, even when a cancel came too late", () => {
  const settlement = settle(attempt({ delivered: 2, stopped: "canceled" }))
  assert.equal(settlement.kind === "end" && settlement.status, "succeeded")
})

test("some images make a success that says what is missing and why", () => {
  const settlement = settle(attempt({ delivered: 1, failures: new Map([[1, blocked]]) }))
  assert.deepEqual(settlement, {
    kind: "end",
    status: "succeeded",
    outcome: "content_blocked",
    error: null,
    shortfall: { requested: 2, delivered: 1, errors: [describeFailure(blocked)] },
  })
})

test("no image is a failure with the reason", () => {
  const settlement = settle(
    attempt({
      failures: new Map([
        [0, blocked],
        [1, blocked],
      ]),
    }),
  )
  assert.ok(settlement.kind === "end" && settlement.status === "failed")
  assert.equal(settlement.error?.code, "content_blocked")
  assert.equal(settlement.error.retryable, false)
})

test("one hopeful image brings another attempt, and the hopeless one is given up for good", () => {
  const settlement = settle(
    attempt({
      failures: new Map([
        [0, blocked],
        [1, overloaded],
      ]),
    }),
  )
  assert.ok(settlement.kind === "again")
  assert.equal(settlement.delayMs, 2_000)
  assert.deepEqual([...settlement.abandoned.keys()], [0])
  const last = settle(attempt({ delivered: 1, abandoned: settlement.abandoned, failures: new Map() }))
  assert.ok(last.kind === "end" && last.status === "succeeded")
  assert.equal(last.shortfall?.errors[0]?.code, "content_blocked")
})

test("a quota rests the model and costs no attempt", () => {
  const quota = new JobFailure("upstream_quota_exhausted", "slow", { quota: "minute", retryAfterMs: 1_000 })
  const settlement = settle(attempt({ failures: new Map([[0, quota]]) }))
  assert.ok(settlement.kind === "again")
  assert.equal(settlement.blockedBy, "upstream_rpm")
  assert.equal(settlement.free, true)
})

test("a deadline expires the job, a shutdown hands it back at once and free", () => {
  const expired = settle(attempt({ stopped: "deadline" }))
  assert.ok(expired.kind === "end" && expired.status === "expired")
  assert.equal(expired.error?.code, "deadline_exceeded")
  const handedBack = settle(attempt({ stopped: "shutdown" }))
  assert.ok(handedBack.kind === "again" && handedBack.free && handedBack.delayMs === 0)
})

test("one doubtful charge makes the sum doubtful", () => {
  assert.equal(chargedInAll([]), "no")
  assert.equal(chargedInAll(["no", "yes"]), "yes")
  assert.equal(chargedInAll(["yes", "unknown", "no"]), "unknown")
})

test("a shutdown that came too late to interrupt anything changes nothing", () => {
  const failures = new Map([[0, blocked]])
  const settlement = settle(attempt({ requested: 1, failures, stopped: "shutdown" }))
  assert.equal(settlement.kind === "end" && settlement.status, "failed")
})

test("what is hopeless when the worker stops is not asked for again", () => {
  const settlement = settle(attempt({ failures: new Map([[1, blocked]]), stopped: "shutdown" }))
  assert.ok(settlement.kind === "again" && settlement.free)
  assert.deepEqual([...settlement.abandoned.keys()], [1])
})
