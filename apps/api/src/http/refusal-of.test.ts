import assert from "node:assert/strict"
import { test } from "node:test"

import { JobFailure, Refusal } from "@kiln/contract"

import { refusalOf } from "./refusal-of.ts"

const named = (name: string, message = "") => Object.assign(new Error(message), { name })

test("an unknown error is internal and tells nothing of itself", () => {
  const error = new Error("password of redis://10.0.0.7")
  const refusal = refusalOf(error)
  assert.equal(refusal.code, "internal")
  assert.doesNotMatch(refusal.message, /redis|10\./)
  assert.equal(refusal.cause, error)
})

test("a refusal stays what it is", () => {
  const refusal = new Refusal("forbidden", "no")
  assert.equal(refusalOf(refusal), refusal)
})

for (const error of [
  named("MaxRetriesPerRequestError"),
  new Error("Connection is closed."),
  new Error("Command timed out"),
  named("ReplyError", "OOM command not allowed when used memory > 'maxmemory'."),
  named("ReplyError", "READONLY You can't write against a read only replica."),
  Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", syscall: "connect" }),
  new JobFailure("storage_error", "The bucket is away"),
]) {
  test(`"${error.name}: ${error.message}" is a service that is away`, () => {
    const { code, retryAfterMs } = refusalOf(error)
    assert.equal(code, "unavailable")
    assert.ok(retryAfterMs)
  })
}

test("a mistake of ours in a script is not taken for a Redis that is away", () => {
  assert.equal(refusalOf(named("ReplyError", "ERR wrong number of arguments")).code, "internal")
})
