import assert from "node:assert/strict"
import { test } from "node:test"

import { seal, unseal } from "./seal.ts"

const secret = { token: "kiln_sk_a", idempotencyKey: "k" }

test("a sealed answer is opened by the same secret only", () => {
  const sealed = seal("an änswer", secret)
  assert.ok(!Buffer.from(sealed, "base64").includes("nswer"))
  assert.equal(unseal(sealed, secret), "an änswer")
  assert.equal(unseal(sealed, { ...secret, token: "kiln_sk_b" }), undefined)
  assert.equal(unseal(sealed, { ...secret, idempotencyKey: "l" }), undefined)
})

test("a sealed answer that was changed is not opened", () => {
  const bytes = Buffer.from(seal("answer", secret), "base64")
  bytes[14] = (bytes[14] ?? 0) ^ 1
  assert.equal(unseal(bytes.toString("base64"), secret), undefined)
})
