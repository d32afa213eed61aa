import assert from "node:assert/strict"
import test from "node:test"

import { createRedactor } from "./redact.ts"

const redact = createRedactor(["secret-1", "", "secret-1-longer"])

test("keys, addresses and long data are hidden", () => {
  assert.equal(redact("a secret-1-longer and secret-1"), "a [key] and [key]")
  assert.equal(redact(`key AIza${"x".repeat(35)}!`), "key [key]!")
  assert.equal(redact("POST https://h.test/v1?key=abc&x=1"), "POST https://h.test/v1?key=[key]&x=1")
  assert.equal(redact("dial tcp 10.1.2.3:443: refused"), "dial tcp [address]: refused")
  assert.equal(redact(`failed for "${"QUJD".repeat(50)}=="`), 'failed for "[data]"')
})

test("a message has at most 500 characters", () => {
  assert.equal(redact("a b ".repeat(200)).length, 500)
  assert.equal(redact(" short "), "short")
})
