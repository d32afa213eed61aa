import assert from "node:assert/strict"
import { test } from "node:test"

import { checkRatio } from "./check-ratio.ts"

test("the sizes that models give for a ratio fit it", () => {
  assert.equal(checkRatio({ width: 1024, height: 1024, aspectRatio: "1:1" }), undefined)
  assert.equal(checkRatio({ width: 1376, height: 768, aspectRatio: "16:9" }), undefined)
  assert.equal(checkRatio({ width: 768, height: 1376, aspectRatio: "9:16" }), undefined)
})

test("another ratio is told with how far it is off", () => {
  assert.deepEqual(checkRatio({ width: 1000, height: 1000, aspectRatio: "2:1" }), {
    expected: 2,
    actual: 1,
    off: 0.5,
  })
  assert.ok(checkRatio({ width: 104, height: 100, aspectRatio: "1:1" }))
  assert.equal(checkRatio({ width: 104, height: 100, aspectRatio: "1:1" }, 0.05), undefined)
})

test("what is no ratio is refused", () => {
  for (const aspectRatio of ["", "auto", "16x9", "0:1", "1:0"]) {
    assert.throws(() => checkRatio({ width: 1, height: 1, aspectRatio }), RangeError)
  }
})
