import assert from "node:assert/strict"
import { test } from "node:test"

import { JobFailure } from "@kiln/contract"

import { chargedInAll, describeFailure, settle, type AttemptResult } from "./settlement.ts"
import { CallHeld, type BlockedBy } from "./upstream-calls.ts"

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
  held: new Map(),
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

const held = (blockedBy: BlockedBy, inMs: number, refusal?: JobFailure) =>
  attempt({ failures: new Map(), held: new Map([[0, new CallHeld({ blockedBy, inMs, refusal })]]) })

test("an image for which there is no call waits for one and costs no attempt", () => {
  const settlement = settle(held("upstream_rpm", 7_000))
  assert.ok(settlement.kind === "again")
  assert.deepEqual(
    [settlement.blockedBy, settlement.delayMs, settlement.free, settlement.outcome],
    ["upstream_rpm", 7_000, true, "handed_back"],
  )
})

test("a refusal by the quota is told, and a job that met a refused key is not the first to try it again", () => {
  const used = settle(held("upstream_rpm", 7_000, new JobFailure("upstream_quota_exhausted", "slow")))
  assert.deepEqual([used.outcome, used.kind === "again" && used.delayMs], ["upstream_quota_exhausted", 7_000])
  const auth = settle(held("upstream_auth", 5_000, new JobFailure("upstream_auth", "no")))
  assert.deepEqual([auth.outcome, auth.kind === "again" && auth.delayMs], ["upstream_auth", 60_000])
})

test("a wait for the upstream outlasts a deadline, which the ledger keeps", () => {
  const settlement = settle({
    ...held("upstream_rpd", 3_600_000),
    deadlineAt: Date.parse("2026-11-22T12:00:09Z"),
  })
  assert.ok(settlement.kind === "again" && settlement.delayMs === 3_600_000)
})

test("an image that failed and one that is held wait for the later of both, and the failure counts", () => {
  const settlement = settle({ ...held("upstream_rpm", 1_000), failures: new Map([[1, overloaded]]) })
  assert.ok(settlement.kind === "again")
  assert.deepEqual(
    [settlement.free, settlement.delayMs, settlement.blockedBy, settlement.outcome],
    [false, 2_000, null, "upstream_overloaded"],
  )
})

test("a key that is refused is a reason for another model to take over", () => {
  const result = {
    ...held("upstream_rpd", 9_000, new JobFailure("upstream_quota_exhausted", "", { quota: "day" })),
  }
  const settlement = settle({ ...result, lane: "m>other" })
  assert.ok(settlement.kind === "again")
  assert.deepEqual(settlement.successor, { model: "other", reason: "upstream_rpd" })
  const known = settle({ ...held("upstream_rpd", 9_000), lane: "m>other" })
  assert.ok(known.kind === "again" && known.delayMs === 1_000)
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
