import assert from "node:assert/strict"
import { test } from "node:test"

import { JobFailure } from "@kiln/contract"
import { CallAborted, createModels, type CallAnswer, type CallEnd, type Paint } from "@kiln/jobs"

import { createQuota, type CallBook } from "./create-quota.ts"

const model = createModels({ defaultModel: "nano-banana" }).resolve(undefined, new Date()).model
const paint: Paint = () => Promise.reject(new Error("not called"))
const asked = (signal = new AbortController().signal) => ({
  model,
  job: "job",
  call: "job:1:0:0",
  isFurther: false,
  signal,
})

/** A quota over a book that gives these answers in turn, and what the book was told. */
function openQuota(answers: Partial<CallAnswer>[], isDue = true) {
  const told: CallEnd[] = []
  const calls: CallBook = {
    offerAccounts: async () => {},
    takeCall: async ({ accounts }) =>
      ({
        kind: "go",
        project: accounts[0]?.project,
        inMs: 0,
        at: 1,
        isProbe: false,
        ...answers.shift(),
      }) as CallAnswer,
    isDue: async () => isDue,
    endCall: async (_taken, end) => void told.push(end),
  }
  const quota = createQuota({
    calls,
    keys: [{ key: "k", paint }],
    baseUrl: "https://upstream.example",
    modelKeys: {},
    limits: { windowMs: 60_000 },
    onEnd: () => {},
    onError: (error) => assert.fail(String(error)),
  })
  return { quota, told }
}

test("a call that may go is told nothing of when it succeeds, unless it was a probe", async () => {
  const { quota, told } = openQuota([{}, { kind: "go", isProbe: true }])
  for (let n = 0; n < 2; n++) {
    const call = await quota.take(asked())
    assert.ok(call.kind === "call")
    assert.equal(await call.end(), false)
  }
  assert.deepEqual(told, [{ kind: "served" }])
})

test("a refusal closes its account, another failure does not", async () => {
  const { quota, told } = openQuota([{}, {}])
  const refused = await quota.take(asked())
  const failed = await quota.take(asked())
  assert.ok(refused.kind === "call" && failed.kind === "call")
  const failure = new JobFailure("upstream_quota_exhausted", "", { quota: "minute", retryAfterMs: 9 })
  assert.equal(await refused.end(failure), true)
  assert.equal(await failed.end(new JobFailure("upstream_overloaded", "busy")), false)
  assert.deepEqual(told, [{ kind: "refused", retryAfterMs: 9, limit: undefined }])
})

test("a call that goes later than it was taken for is counted from then", async () => {
  const { quota, told } = openQuota([{}, { kind: "go", inMs: -500 }])
  const quick = await quota.take(asked())
  assert.ok(quick.kind === "call")
  quick.sent()
  assert.deepEqual(told, [])
  const slow = await quota.take(asked())
  assert.ok(slow.kind === "call")
  slow.sent()
  assert.deepEqual(told, [{ kind: "late" }])
})

test("a call that was dropped before it was sent is given back", async () => {
  const { quota, told } = openQuota([{}])
  const call = await quota.take(asked())
  assert.ok(call.kind === "call")
  assert.equal(await call.end(new CallAborted({ charged: "no", cause: null })), false)
  assert.deepEqual(told, [{ kind: "unsent" }])
})

test("what has to wait long is held, and so is what is not due any more", async () => {
  const { quota } = openQuota([{ kind: "wait", blockedBy: "upstream_rpd", inMs: 9_000 }])
  assert.deepEqual(await quota.take(asked()), { kind: "held", blockedBy: "upstream_rpd", inMs: 9_000 })
  const late = openQuota([{ kind: "go", inMs: 1 }], false)
  assert.equal((await late.quota.take(asked())).kind, "held")
})

test("a run that is stopped while it waits for its call gives it back", async () => {
  const stopping = new AbortController()
  const { quota, told } = openQuota([{ kind: "go", inMs: 60_000 }])
  const taking = quota.take(asked(stopping.signal))
  stopping.abort(new Error("stopped"))
  await assert.rejects(taking, /stopped/)
  assert.deepEqual(told, [{ kind: "unsent" }])
})
