import assert from "node:assert/strict"
import { test } from "node:test"

import { createRunningJobs, Stopped } from "./running-jobs.ts"

const never = new AbortController().signal
const reasonOf = ({ reason }: AbortSignal): unknown => (reason instanceof Stopped ? reason.reason : reason)

test("a cancellation stops the one run that it names", () => {
  const running = createRunningJobs()
  using one = running.start("one", never)
  using two = running.start("two", never)
  running.abort("one", "canceled")
  assert.deepEqual([one.stoppedBy(), two.stoppedBy()], ["canceled", undefined])
  assert.equal(reasonOf(one.stop), "canceled")
  assert.equal(one.lost.aborted, false)
})

test("a lost lock stops everything, and the first reason stays", () => {
  const running = createRunningJobs()
  const lock = new AbortController()
  using run = running.start("one", lock.signal)
  running.abortAll("shutdown")
  lock.abort("lock_lost")
  assert.equal(run.stoppedBy(), "shutdown")
  assert.equal(run.lost.aborted, true)
})

test("a run past its deadline is stopped for it", async () => {
  const running = createRunningJobs()
  using run = running.start("one", never)
  const { promise, resolve } = Promise.withResolvers<void>()
  run.stop.addEventListener("abort", () => resolve())
  run.expireAt(new Date(Date.now() - 1))
  // The run's own timer does not keep a process alive; this one does.
  const alive = setInterval(() => {}, 1_000)
  await promise
  clearInterval(alive)
  assert.equal(run.stoppedBy(), "deadline")
})

test("a run that is over is not found any more", () => {
  const running = createRunningJobs()
  {
    using _run = running.start("one", never)
    assert.deepEqual(running.ids(), ["one"])
  }
  assert.deepEqual(running.ids(), [])
  running.abort("one", "canceled")
})
