import assert from "node:assert/strict"
import { test } from "node:test"

import { canonicalJson } from "./canonical.ts"

test("equal values are equal text whatever the order of their keys", () => {
  assert.equal(canonicalJson({ b: [{ d: 1, c: 2 }], a: "x" }), '{"a":"x","b":[{"c":2,"d":1}]}')
  assert.equal(canonicalJson({ a: 1, b: undefined }), canonicalJson({ a: 1 }))
})

test("the order of a list is kept", () => {
  assert.notEqual(canonicalJson([1, 2]), canonicalJson([2, 1]))
})
