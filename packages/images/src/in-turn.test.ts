import assert from "node:assert/strict"
import { test } from "node:test"

import { atOnce, inTurn } from "./in-turn.ts"

/** Fills every place until `release` is called. */
function occupy() {
  const { promise, resolve: release } = Promise.withResolvers<void>()
  const started: number[] = []
  const tasks = Array.from({ length: atOnce * 4 }, (_, index) =>
    inTurn(async () => {
      started.push(index)
      await promise
    }),
  )
  return { started, release, all: Promise.all(tasks) }
}

test("no more tasks run at once than there are places, and all run in the end", async () => {
  const { started, release, all } = occupy()
  await new Promise(setImmediate)
  assert.equal(started.length, atOnce)
  release()
  await all
  assert.equal(started.length, atOnce * 4)
})

test("an abort leaves the line at once, and the task never runs", async () => {
  const { release, all } = occupy()
  const controller = new AbortController()
  const reason = new Error("enough")
  let ran = false
  const waiting = inTurn(async () => {
    ran = true
  }, controller.signal)
  controller.abort(reason)
  await assert.rejects(waiting, (error) => error === reason)
  release()
  await all
  await inTurn(async () => undefined)
  assert.equal(ran, false)
})

test("a task that fails gives its place free", async () => {
  const failing = Array.from({ length: atOnce + 1 }, () => inTurn(() => Promise.reject(new Error("broken"))))
  for (const { status } of await Promise.allSettled(failing)) assert.equal(status, "rejected")
  assert.equal(await inTurn(async () => "next"), "next")
})
