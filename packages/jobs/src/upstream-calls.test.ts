import assert from "node:assert/strict"
import { test } from "node:test"

import { JobFailure } from "@kiln/contract"

import { CallAborted } from "./paint.ts"
import { judgeCall } from "./upstream-calls.ts"

const now = new Date("2026-11-22T12:00:00Z")
const parked = (blockedBy: string) => ({ kind: "parked", blockedBy, until: undefined })
const usedUp = (options: ConstructorParameters<typeof JobFailure>[2]) =>
  new JobFailure("upstream_quota_exhausted", "used up", options)

test("a quota of a minute refuses for the time and the limit that the upstream names", () => {
  assert.deepEqual(judgeCall(usedUp({ quota: "minute", retryAfterMs: 9_000, quotaLimit: 20 }), now), {
    kind: "refused",
    retryAfterMs: 9_000,
    limit: 20,
  })
  assert.equal(judgeCall(usedUp({}), now)?.kind, "refused")
})

test("a quota of a day parks until midnight in California, whatever short wait the upstream names", () => {
  assert.deepEqual(judgeCall(usedUp({ quota: "day", retryAfterMs: 34_400 }), now), {
    kind: "parked",
    blockedBy: "upstream_rpd",
    until: new Date("2026-11-23T08:00:00Z"),
  })
})

test("no quota at all, a refused key and used-up credit park until an operator has mended it", () => {
  assert.deepEqual(judgeCall(usedUp({ quota: "never" }), now), parked("upstream_quota"))
  for (const code of ["upstream_auth", "upstream_billing"] as const) {
    assert.deepEqual(judgeCall(new JobFailure(code, "no"), now), parked(code))
  }
})

test("a call that was dropped before it was sent is given back, and other failures say nothing of the account", () => {
  assert.deepEqual(judgeCall(new CallAborted({ charged: "no", cause: null }), now), { kind: "unsent" })
  for (const error of [
    new CallAborted({ charged: "unknown", cause: null }),
    new JobFailure("upstream_overloaded", "busy"),
    new Error("a bug"),
  ]) {
    assert.equal(judgeCall(error, now), undefined)
  }
})
