import assert from "node:assert/strict"
import { test } from "node:test"

import { insist } from "./insist.ts"

const never = new AbortController().signal
const failing = new Error("away")
const trying = (change: object = {}) => ({
  signal: never,
  lastTry: never,
  forMs: 60_000,
  onError: () => {},
  ...change,
})

test("a step is tried until it works", async () => {
  let tries = 0
  const step = async () => {
    tries += 1
    if (tries < 3) throw failing
    return "done"
  }
  assert.equal(await insist(step, trying()), "done")
  assert.equal(tries, 3)
})

test("an outage that lasts is told of once a minute, not at every try", async () => {
  let tries = 0
  let told = 0
  const step = async () => {
    tries += 1
    if (tries < 4) throw failing
  }
  await insist(step, trying({ onError: () => (told += 1) }))
  assert.deepEqual([tries, told], [4, 1])
})

test("a step that fails for too long throws its own error", async () => {
  await assert.rejects(
    insist(() => Promise.reject(failing), trying({ forMs: 50 })),
    failing,
  )
})

test("the signal ends the pause with its reason", async () => {
  const lost = new AbortController()
  const reason = new Error("lost")
  const onError = () => lost.abort(reason)
  await assert.rejects(
    insist(() => Promise.reject(failing), trying({ signal: lost.signal, onError })),
    reason,
  )
})

test("after the last try the step's own error is thrown, and a try under way may still succeed", async () => {
  const leaving = new AbortController()
  let tries = 0
  const step = async () => {
    tries += 1
    leaving.abort()
    throw failing
  }
  await assert.rejects(insist(step, trying({ lastTry: leaving.signal })), failing)
  assert.equal(tries, 1)
  assert.equal(await insist(async () => "done", trying({ lastTry: leaving.signal })), "done")
})
