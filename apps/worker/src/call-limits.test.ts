import assert from "node:assert/strict"
import { test } from "node:test"

import type { ModelEntry } from "@kiln/contract"
import { createModels } from "@kiln/jobs"

import { createCallLimits } from "./call-limits.ts"

const models = createModels({
  defaultModel: "gemini-3-pro-image",
  overrides: [{ id: "gemini-3-pro-image", limits: { rpm: null, ipm: null, rpd: null, concurrency: 2 } }],
})
const modelOf = (id: string): ModelEntry => {
  const model = models.get(id)
  assert.ok(model)
  return model
}
const narrow = modelOf("gemini-3-pro-image")
const wide = modelOf("gemini-nano-banana-2.1")
const never = new AbortController().signal

/** Calls that last until they are let go, and how many of them run. */
function heldCalls() {
  const held: (() => void)[] = []
  let most = 0
  return {
    call: async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      held.push(resolve)
      most = Math.max(most, held.length)
      await promise
    },
    running: () => held.length,
    most: () => most,
    letGo: () => held.shift()?.(),
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test("a process has no more calls in flight than it may, whatever their models", async () => {
  const limits = createCallLimits({ calls: 3 })
  const held = heldCalls()
  const calls = Array.from({ length: 8 }, () => limits.run(wide, never, held.call))
  for (let n = 0; n < 8; n++) {
    await settled()
    held.letGo()
  }
  await Promise.all(calls)
  assert.equal(held.most(), 3)
})

test("a model with a limit of its own keeps to it and leaves room for the others", async () => {
  const limits = createCallLimits({ calls: 10 })
  const narrowCalls = heldCalls()
  const wideCalls = heldCalls()
  const all = [
    ...Array.from({ length: 5 }, () => limits.run(narrow, never, narrowCalls.call)),
    ...Array.from({ length: 5 }, () => limits.run(wide, never, wideCalls.call)),
  ]
  await settled()
  assert.deepEqual([narrowCalls.running(), wideCalls.running()], [2, 5])
  while (narrowCalls.running() + wideCalls.running() > 0) {
    narrowCalls.letGo()
    wideCalls.letGo()
    await settled()
  }
  await Promise.all(all)
})

test("a call that waits for its turn gives up as soon as it is aborted, and is never made", async () => {
  const limits = createCallLimits({ calls: 1 })
  const held = heldCalls()
  const first = limits.run(wide, never, held.call)
  const stop = new AbortController()
  let isMade = false
  const second = limits.run(wide, stop.signal, async () => {
    isMade = true
  })
  stop.abort(new Error("canceled"))
  await assert.rejects(second, /canceled/)
  await settled()
  held.letGo()
  await first
  await settled()
  assert.equal(isMade, false)
})

test("a call that fails makes room for the next", async () => {
  const limits = createCallLimits({ calls: 1 })
  await assert.rejects(
    limits.run(wide, never, () => Promise.reject(new Error("broken"))),
    /broken/,
  )
  assert.equal(await limits.run(wide, never, async () => "made"), "made")
})
