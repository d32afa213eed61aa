import assert from "node:assert/strict"
import { test } from "node:test"

import { Parameters } from "@kiln/contract"

import { createModels } from "./models.ts"
import { costOf, estimateTokens, toUsd } from "./price.ts"

const models = createModels({ defaultModel: "gemini-nano-banana-2.1" })
const priceOf = (id: string) => {
  const model = models.get(id)
  assert.ok(model)
  return model
}

const imageOnly = (image: number) => ({ input: 0, output: image, image })

test("an image costs what the price list says for its tokens", () => {
  assert.equal(toUsd(costOf(imageOnly(1120), priceOf("gemini-nano-banana-2.1").prices)), 0.0336)
  assert.equal(toUsd(costOf(imageOnly(1680), priceOf("gemini-nano-banana-2.1").prices)), 0.0504)
  assert.equal(toUsd(costOf(imageOnly(2000), priceOf("gemini-3-pro-image").prices)), 0.24)
  assert.equal(toUsd(costOf(imageOnly(1290), priceOf("gemini-2.5-flash-image").prices)), 0.0387)
})

test("words and thinking are priced as text, the prompt as input", () => {
  const tokens = { input: 1_000, output: 1_120 + 200, image: 1_120 }
  assert.equal(costOf(tokens, priceOf("gemini-nano-banana-2.1").prices), 1_500_000 + 33_600_000 + 1_500_000)
})

test("an unknown price makes the cost unknown, never zero", () => {
  const prices = { ...priceOf("gemini-3-pro-image").prices, image_output: null }
  assert.equal(costOf({ input: 1, output: 1, image: 1 }, prices), null)
  assert.equal(toUsd(null), null)
})

test("where images are billed, tokens cost nothing and each image its price", () => {
  const { prices } = priceOf("imagen-4.0-ultra-generate-001")
  assert.equal(toUsd(costOf({ input: 0, output: 0, image: 0, images: 1 }, prices)), 0.06)
  assert.equal(costOf({ input: 9, output: 9, image: 9 }, prices), 0)
  assert.equal(costOf({ input: 0, output: 0, image: 0, images: 1 }, { ...prices, per_image: null }), null)
  const parameters = Parameters.parse({ n: 3, image_size: "2K" })
  const model = priceOf("imagen-4.0-generate-001")
  assert.equal(toUsd(costOf(estimateTokens(model, "a mug", parameters), model.prices)), 0.12)
})

test("an estimate counts every image of the request at its size", () => {
  const model = priceOf("gemini-nano-banana-2.1")
  const tokens = estimateTokens(model, "x".repeat(400), Parameters.parse({ n: 2, image_size: "4K" }))
  assert.equal(tokens.image, 2 * 3780)
  assert.equal(tokens.input, 200)
})

test("token counts that make no sense make no cost", () => {
  const { prices } = priceOf("gemini-nano-banana-2.1")
  assert.equal(costOf(imageOnly(Number.MAX_SAFE_INTEGER), prices), null)
})

test("the first model reads an image in fewer tokens and does not think: its list price is its estimate", () => {
  const model = priceOf("gemini-2.5-flash-image")
  const tokens = estimateTokens(model, "x".repeat(40), Parameters.parse({ n: 2 }), 3)
  assert.deepEqual(tokens, { input: 2 * (10 + 3 * 258), image: 2 * 1_290, output: 2 * 1_290 })
  const words = estimateTokens(model, "a mug", Parameters.parse({}))
  assert.ok((toUsd(costOf(words, model.prices)) ?? 1) <= 0.039)
})

test("an estimate counts 1 120 tokens for each input image of each call", () => {
  const parameters = Parameters.parse({ n: 3 })
  const model = priceOf("gemini-nano-banana-2.1")
  const [words, edit] = [0, 2].map((inputs) => estimateTokens(model, "make it blue", parameters, inputs))
  assert.equal((edit?.input ?? 0) - (words?.input ?? 0), 3 * 2 * 1_120)
  assert.deepEqual([edit?.image, edit?.output], [words?.image, words?.output])
})
