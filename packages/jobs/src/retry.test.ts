import assert from "node:assert/strict"
import { test } from "node:test"

import { JobFailure, jobFailures, type JobFailureCode } from "@kiln/contract"

import { decideRetry, maxAttempts } from "./retry.ts"

const now = new Date("2026-11-22T12:00:00Z")
const overloaded = new JobFailure("upstream_overloaded", "busy")

test("what the caller must change is never tried again", () => {
  const codes: JobFailureCode[] = ["content_blocked", "invalid_request", "upstream_auth", "model_unavailable"]
  for (const code of codes) {
    assert.deepEqual(decideRetry(new JobFailure(code, "no"), { attempts: 1, now }), { again: false })
  }
})

test("a failure that says trying again cannot help is not tried again, whatever its code", () => {
  const situation = { attempts: 1, now }
  assert.equal(decideRetry(new JobFailure("input_unreachable", "away"), situation).again, true)
  const gone = new JobFailure("input_unreachable", "no such name", { retryable: false })
  assert.deepEqual(decideRetry(gone, situation), { again: false })
})

test("the wait doubles with each attempt up to a minute, and the last attempt is the last", () => {
  const waits = [1, 2, 3, 4].map((attempts) => decideRetry(overloaded, { attempts, now, random: () => 1 }))
  assert.deepEqual(
    waits.map((wait) => wait.again && wait.delayMs),
    [2_000, 4_000, 8_000, 16_000],
  )
  assert.deepEqual(decideRetry(overloaded, { attempts: maxAttempts, now }), { again: false })
})

test("no failure is tried for ever", () => {
  for (const code of Object.keys(jobFailures) as JobFailureCode[]) {
    assert.equal(decideRetry(new JobFailure(code, "no"), { attempts: maxAttempts, now }).again, false, code)
  }
})

test("the upstream's own wait wins over a shorter one of ours", () => {
  const failure = new JobFailure("upstream_error", "later", { retryAfterMs: 20_000 })
  const decision = decideRetry(failure, { attempts: 1, now, random: () => 0 })
  assert.equal(decision.again && decision.delayMs, 20_000)
})

test("no attempt is planned that could only begin after the deadline", () => {
  const deadlineAt = now.getTime() + 1_000
  assert.deepEqual(decideRetry(overloaded, { attempts: 1, now, deadlineAt, random: () => 1 }), {
    again: false,
  })
  const later = decideRetry(overloaded, { attempts: 1, now, deadlineAt: deadlineAt + 5_000, random: () => 1 })
  assert.equal(later.again, true)
})

test("a prompt that asks for no picture is tried once more, not more often", () => {
  const failure = new JobFailure("no_image", "none", { upstream: { finish_reason: "NO_IMAGE" } })
  assert.equal(decideRetry(failure, { attempts: 1, now }).again, true)
  assert.equal(decideRetry(failure, { attempts: 2, now }).again, false)
  assert.equal(decideRetry(new JobFailure("no_image", "other"), { attempts: 2, now }).again, true)
})
