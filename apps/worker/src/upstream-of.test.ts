import assert from "node:assert/strict"
import { test } from "node:test"

import { createModels } from "@kiln/jobs"

import { createUpstreamOf } from "./upstream-of.ts"

const { model } = createModels({ defaultModel: "nano-banana" }).resolve(undefined, new Date())

test("an upstream is its address and its name of the model, and neither can be read in it", () => {
  const upstreamOf = createUpstreamOf("https://one.test")
  const own = upstreamOf(model)
  assert.equal(own, upstreamOf({ ...model, id: "another-name", base_url: "https://one.test" }))
  assert.notEqual(own, upstreamOf({ ...model, api_model: "another" }))
  assert.notEqual(own, upstreamOf({ ...model, base_url: "https://two.test" }))
  assert.match(own, /^[0-9a-f]{16}$/)
})
