import assert from "node:assert/strict"
import { test } from "node:test"

import { JobFailure } from "@kiln/contract"

import { healthOf, isOverload } from "./circuit.ts"

const failure = (
  code: ConstructorParameters<typeof JobFailure>[0],
  options: ConstructorParameters<typeof JobFailure>[2] = {},
) => new JobFailure(code, "no", options)
const overloaded = failure("upstream_overloaded", { upstream: { status: 503 } })
const blocked = failure("content_blocked", { upstream: { status: 200 } })
const gone = failure("model_unavailable", { upstream: { status: 404 } })
const none = { isAnswered: false }

test("overloads are refusals for want of capacity, timeouts, and an upstream that is not reached", () => {
  const overloads = [
    overloaded,
    failure("upstream_timeout", { charged: "unknown" }),
    failure("upstream_error"),
    failure("upstream_error", { upstream: { status: 502 } }),
  ]
  for (const each of overloads) assert.ok(isOverload(each), each.code)
  const others = [
    blocked,
    gone,
    failure("upstream_error", { upstream: { status: 500 } }),
    failure("upstream_error", { charged: "unknown" }),
    failure("storage_error"),
  ]
  for (const each of others) assert.ok(!isOverload(each), each.code)
})

test("one answer shows that the upstream works, whatever else failed", () => {
  assert.equal(healthOf([overloaded], { isAnswered: true }), "answered")
  assert.equal(healthOf([overloaded, blocked], none), "answered")
  assert.equal(healthOf([overloaded], none), "overloaded")
})

test("a model is gone when the upstream says so, not when the registry has lost it", () => {
  assert.equal(healthOf([overloaded, gone], none), "gone")
  assert.equal(healthOf([failure("model_unavailable")], none), null)
  assert.equal(healthOf([gone], { isAnswered: true }), "answered")
})

test("refusals of the key or of a quota, and failures of our own, show nothing", () => {
  const silent = [
    failure("upstream_auth", { upstream: { status: 403 } }),
    failure("upstream_billing", { upstream: { status: 402 } }),
    failure("upstream_quota_exhausted", { upstream: { status: 429 } }),
    failure("storage_error"),
  ]
  assert.equal(healthOf(silent, none), null)
  assert.equal(healthOf([], none), null)
})
