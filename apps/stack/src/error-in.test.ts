import assert from "node:assert/strict"
import { test } from "node:test"

import { errorIn } from "./error-in.ts"

test("an error of a log is told by its message and its cause's", () => {
  assert.equal(errorIn(`{"level":50,"msg":"job lost","err":{"message":"disk full"}}`), "job lost: disk full")
  assert.equal(errorIn(`{"level":60,"err":{"message":"disk full"}}`), "disk full")
})

for (const line of [`{"level":40,"msg":"slow"}`, "Ready to accept connections", "{", "[50]", ""]) {
  test(`${JSON.stringify(line)} is no error`, () => {
    assert.equal(errorIn(line), undefined)
  })
}
