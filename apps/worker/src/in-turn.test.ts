import assert from "node:assert/strict"
import { test } from "node:test"

import { JobFailure } from "@kiln/contract"
import { createModels, type Paint, type Painted } from "@kiln/jobs"

import { inTurn } from "./in-turn.ts"

const model = createModels({ defaultModel: "nano-banana" }).resolve(undefined, new Date()).model
const request = {
  model,
  prompt: "a fox",
  inputs: [],
  parameters: { n: 1, output_format: "png" as const, include_text: false },
}
const painted: Painted = {
  bytes: 1,
  text: null,
  tokens: { input: 0, output: 0, image: 0 },
  warnings: [],
  modelVersion: null,
  responseId: null,
}
const options = { target: "", signal: new AbortController().signal }
const usedUp =
  (quota: "minute" | "day", retryAfterMs?: number): Paint =>
  async () => {
    throw new JobFailure("upstream_quota_exhausted", "used up", { quota, retryAfterMs })
  }

test("a key whose day is used up does not make the model wait for the others", async () => {
  const paint = inTurn([usedUp("day"), async () => painted])
  await assert.rejects(paint(request, options), { quota: "minute", retryAfterMs: 0 })
  for (let n = 0; n < 4; n++) assert.equal(await paint(request, options), painted)
})

test("when every key waits, the model waits for the first that is free again", async () => {
  let now = 0
  const paint = inTurn([usedUp("day"), usedUp("minute", 30_000)], () => now)
  await assert.rejects(paint(request, options), { quota: "minute", retryAfterMs: 0 })
  await assert.rejects(paint(request, options), { quota: "minute", retryAfterMs: 30_000 })
  now = 30_000
  await assert.rejects(paint(request, options), { quota: "minute", retryAfterMs: 30_000 })
})

test("one key alone says what the upstream said", async () => {
  await assert.rejects(inTurn([usedUp("day")])(request, options), { quota: "day" })
})
