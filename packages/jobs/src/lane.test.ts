import assert from "node:assert/strict"
import { test } from "node:test"

import { JobFailure } from "@kiln/contract"

import { laneOf, successorFor } from "./lane.ts"

const lane = laneOf("a", [
  { model: "c", isSuccessor: true },
  { model: "b", isSuccessor: false },
])
const overloaded = new JobFailure("upstream_overloaded", "busy")
const gone = new JobFailure("model_unavailable", "gone")

test("a lane is its model, and the others in their order", () => {
  assert.equal(laneOf("a", []), "a")
  assert.equal(lane, "a>~c,b")
})

test("a model that is gone is followed by whoever is next, another trouble only by a named one", () => {
  assert.deepEqual(successorFor(lane, gone, 1), { model: "c", reason: "model_unavailable" })
  assert.deepEqual(successorFor(lane, overloaded, 2), { model: "b", reason: "upstream_overloaded" })
  assert.equal(successorFor("a>~c", overloaded, 2), undefined)
  assert.equal(successorFor("a", gone, 1), undefined)
})

test("a single overload is waited out, the second one is left", () => {
  assert.equal(successorFor(lane, overloaded, 1), undefined)
  assert.ok(successorFor(lane, overloaded, 2))
})

test("a quota of a minute is waited for, one of a day or of nothing is left", () => {
  const reasons = (["minute", "day", "never"] as const).map((quota) => {
    const failure = new JobFailure("upstream_quota_exhausted", "used up", { quota })
    return successorFor(lane, failure, 1)?.reason
  })
  assert.deepEqual(reasons, [undefined, "upstream_rpd", "upstream_rpd"])
})

test("what another model would refuse as well is not taken to it", () => {
  for (const code of ["content_blocked", "invalid_request", "text_only", "storage_error"] as const) {
    assert.equal(successorFor(lane, new JobFailure(code, "no"), 5), undefined, code)
  }
})
