import assert from "node:assert/strict"
import { test } from "node:test"

import { isBearer } from "./bearer.ts"

test("only the whole token is the token", () => {
  assert.ok(isBearer("Bearer secret-of-the-house", "secret-of-the-house"))
  for (const wrong of [undefined, "", "secret-of-the-house", "Bearer secret-of-the-hous", "Bearer "]) {
    assert.equal(isBearer(wrong, "secret-of-the-house"), false)
  }
})
