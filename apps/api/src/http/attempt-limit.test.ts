import assert from "node:assert/strict"
import { test } from "node:test"

import { createAttemptLimit } from "./attempt-limit.ts"

test("an address has so many failures a minute, and others have their own", () => {
  const attempts = createAttemptLimit({ most: 2 })
  assert.equal(attempts.fail("a", 0).left, 1)
  assert.ok(!attempts.isSpent("a", 1))
  assert.deepEqual(attempts.fail("a", 10_000), { left: 0, resetsInMs: 50_000 })
  assert.ok(attempts.isSpent("a", 59_999))
  assert.ok(!attempts.isSpent("b", 59_999))
  assert.ok(!attempts.isSpent("a", 60_000))
})
