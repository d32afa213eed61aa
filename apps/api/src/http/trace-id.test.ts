import assert from "node:assert/strict"
import { test } from "node:test"

import { traceIdOf } from "./trace-id.ts"

test("a trace is known by its id, and what is none is left alone", () => {
  const id = "4bf92f3577b34da6a3ce929d0e0e4736"
  assert.equal(traceIdOf(`00-${id}-00f067aa0ba902b7-01`), id)
  assert.equal(traceIdOf(`01-${id}-00f067aa0ba902b7-01-more`), id)
  for (const wrong of [
    undefined,
    "",
    id,
    `ff-${id}-00f067aa0ba902b7-01`,
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    `00-${id}-${"0".repeat(16)}-01`,
    `00-${id.toUpperCase()}-00f067aa0ba902b7-01`,
  ]) {
    assert.equal(traceIdOf(wrong), undefined, String(wrong))
  }
})
