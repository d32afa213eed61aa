import assert from "node:assert/strict"
import test from "node:test"

import { modelUrl } from "./model-url.ts"

const urlOf = (baseUrl: string, apiVersion = "v1beta", apiModel = "m-1") =>
  modelUrl({ baseUrl, apiVersion, apiModel }).href

test("base, version and model become one address", () => {
  assert.equal(urlOf("https://example.test"), "https://example.test/v1beta/models/m-1")
  assert.equal(urlOf("https://example.test/"), "https://example.test/v1beta/models/m-1")
  assert.equal(urlOf("https://example.test/gemini//", "/v1/"), "https://example.test/gemini/v1/models/m-1")
})

test("an empty version drops its segment", () => {
  assert.equal(urlOf("https://example.test/gemini/", ""), "https://example.test/gemini/models/m-1")
})

test("a model may be given with its models/ prefix, and a query of the base is dropped", () => {
  assert.equal(urlOf("https://example.test/?key=k", "v1", "models/m-1"), "https://example.test/v1/models/m-1")
})
