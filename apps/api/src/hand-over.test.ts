import assert from "node:assert/strict"
import { test } from "node:test"

import type { Handover } from "@kiln/ledger"

import { createHandOver } from "./hand-over.ts"

const task = (id: string): Handover => ({ id, turn: 1 })

test("what comes at the same time goes in one step", async () => {
  const steps: number[] = []
  const add = async (tasks: readonly Handover[]) => void steps.push(tasks.length)
  const handOver = createHandOver({ producer: { add }, onError: assert.ifError })
  handOver([task("a")])
  handOver([])
  handOver([task("b"), task("c")])
  await handOver[Symbol.asyncDispose]()
  assert.deepEqual(steps, [3])
})

test("a step that fails is told, and the next ones go on", async () => {
  const errors: unknown[] = []
  const seen: string[] = []
  const add = async ([first]: readonly Handover[]) => {
    if (first?.id === "a") throw new Error("away")
    seen.push(first?.id ?? "")
  }
  const handOver = createHandOver({ producer: { add }, onError: (error) => errors.push(error) })
  handOver([task("a")])
  await handOver[Symbol.asyncDispose]()
  handOver([task("b")])
  await handOver[Symbol.asyncDispose]()
  assert.deepEqual([errors.length, seen], [1, ["b"]])
})
