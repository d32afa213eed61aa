import assert from "node:assert/strict"
import { test } from "node:test"

import { createRunningJobs, Stopped } from "./running-jobs.ts"

const reasonOf = ({ reason }: AbortSignal): unknown => (reason instanceof Stopped ? reason.reason : reason)

test("a cancellation stops the one run that it names", () => {
  const running = createRunningJobs()
  using one = running.start("one")
  using two = running.start("two")
  running.abort("one", "canceled")
  assert.deepEqual([one.stoppedBy(), two.stoppedBy()], ["canceled", undefined])
  assert.equal(reasonOf(one.stop), "canceled")
  assert.equal(one.lost.aborted, false)
})

test("a job that another worker has stops everything, and the first reason stays", () => {
  const running = createRunningJobs()
  using run = running.start("one")
  running.abortAll("shutdown")
  run.claimed(3)
  running.lose("one", 2)
  assert.equal(run.lost.aborted, false)
  running.lose("one", 3)
  assert.equal(run.stoppedBy(), "shutdown")
  assert.equal(run.lost.aborted, true)
})

test("a run past its deadline is stopped for it", async () => {
  const running = createRunningJobs()
  using run = running.start("one")
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
    using _run = running.start("one")
    assert.deepEqual(running.ids(), ["one"])
  }
  assert.deepEqual(running.ids(), [])
  running.abort("one", "canceled")
})

test("a second run of the same job that ends leaves the first one to be found", () => {
  const running = createRunningJobs()
  using first = running.start("one")
  first.claimed(1)
  {
    using _second = running.start("one")
  }
  assert.deepEqual(running.claims(), [{ id: "one", epoch: 1 }])
  running.abort("one", "canceled")
  assert.equal(first.stoppedBy(), "canceled")
})
