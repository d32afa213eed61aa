import assert from "node:assert/strict"
import { test } from "node:test"

import { Parameters, Refusal } from "@kiln/contract"

import { createModels } from "./models.ts"
import { planModels } from "./plan-models.ts"

const models = createModels({ defaultModel: "gemini-nano-banana-2.1" })
const now = new Date("2026-11-22T12:00:00Z")

type Change = { fallbacks?: string[]; inputs?: number; isAffordable?: boolean; asked?: object }
const plan = (model: string, { fallbacks = [], inputs, isAffordable = true, asked = {} }: Change = {}) =>
  planModels(models, {
    names: { model, fallbacks },
    parameters: Parameters.parse(asked),
    inputs,
    isAffordable: () => isAffordable,
    now,
  })

function errorsOf(step: () => unknown) {
  try {
    step()
  } catch (error) {
    if (error instanceof Refusal) return error.errors
  }
  throw new Error("Nothing was refused")
}

test("a model alone is its own lane, a retired one is followed by its successor", () => {
  assert.equal(plan("gemini-nano-banana-2.1").lane, "gemini-nano-banana-2.1")
  assert.equal(plan("gemini-3.1-flash-image").lane, "gemini-3.1-flash-image>~gemini-nano-banana-2.1")
})

test("fallbacks keep their order and go before successors; aliases are resolved and doubles left out", () => {
  const { lane, named } = plan("gemini-2.5-flash-image", {
    fallbacks: ["nano-banana-lite", "gemini-2.5-flash-image", "nano-banana-pro"],
  })
  assert.equal(
    lane,
    "gemini-2.5-flash-image>gemini-3.1-flash-lite-image,gemini-3-pro-image,~gemini-nano-banana-2.1",
  )
  assert.equal(named.length, 3)
  assert.doesNotMatch(plan("gemini-2.5-flash-image", { fallbacks: ["nano-banana"] }).lane, /~/)
})

test("a successor that cannot do what is asked, or costs too much, does not take over", () => {
  assert.equal(
    plan("gemini-3.1-flash-image", { asked: { image_size: "512" } }).lane,
    "gemini-3.1-flash-image",
  )
  assert.equal(plan("gemini-3.1-flash-image", { isAffordable: false }).lane, "gemini-3.1-flash-image")
})

test("a fallback that is unknown or cannot do all of the request is refused at its place", () => {
  const unknown = errorsOf(() => plan("nano-banana", { fallbacks: ["nano-banana-pro", "dall-e"] }))
  assert.deepEqual([unknown[0]?.pointer, unknown[0]?.code], ["/fallback_models/1", "unknown_model"])
  const asked = { aspect_ratio: "1:8", image_size: "512" }
  const unable = errorsOf(() => plan("gemini-3.1-flash-image", { fallbacks: ["nano-banana-pro"], asked }))
  assert.deepEqual(
    unable.map(({ pointer, code }) => [pointer, code]),
    [
      ["/fallback_models/0", "unsupported_by_model"],
      ["/fallback_models/0", "unsupported_by_model"],
    ],
  )
  assert.match(unable[0]?.detail ?? "", /gemini-3-pro-image .*aspect_ratio/)
  const crowded = errorsOf(() => plan("nano-banana", { fallbacks: ["gemini-2.5-flash-image"], inputs: 4 }))
  assert.match(crowded[0]?.detail ?? "", /images: .*at most 3/)
})
