import assert from "node:assert/strict"
import { test } from "node:test"

import { Refusal } from "@kiln/contract"

import { createOpenArchives } from "./open-archives.ts"

const isRefused = (error: unknown) => error instanceof Refusal && error.code === "unavailable"

test("a tenant leaves room for others, and whoever leaves makes room", () => {
  const archives = createOpenArchives()
  const first = archives.enter("acme", 10)
  archives.enter("acme", 10)
  archives.enter("acme", 10)
  assert.throws(() => archives.enter("acme", 10), isRefused)
  for (let n = 0; n < 3; n++) archives.enter(`other${n}`, 10)
  assert.throws(() => archives.enter("late", 10), isRefused)
  first[Symbol.dispose]()
  archives.enter("late", 10)
})

test("the largest is always taken when none is large, and keeps other large ones back, not small ones", () => {
  const archives = createOpenArchives()
  archives.enter("small", 9_000)
  const largest = archives.enter("acme", 100_000)
  assert.throws(() => archives.enter("other", 20_000), isRefused)
  archives.enter("other", 9_000)
  largest[Symbol.dispose]()
  for (const tenant of ["a", "b", "c"]) archives.enter(tenant, 33_000)
})
