import assert from "node:assert/strict"
import { test } from "node:test"

import { GenerationRequest } from "./generation.ts"
import { idTime, lowestIdAt, newId } from "./ids.ts"
import { describe } from "./openapi.ts"
import { operations } from "./operations/index.ts"
import { TemplateRequest } from "./template.ts"

const refused = (body: unknown) => {
  const result = GenerationRequest.safeParse(body)
  return result.success ? [] : result.error.issues.map(({ path, code }) => `${path.join(".")}:${code}`)
}

const issues = (body: object) =>
  TemplateRequest.safeParse({ name: "Mug", prompt: "a {color} mug", ...body }).error?.issues.map(
    ({ path, code }) => `${path.join(".")}:${code}`,
  ) ?? []

test("ids sort by the time at which they were made, many of one millisecond too", () => {
  const ids = Array.from({ length: 1_000 }, () => newId("job"))
  assert.deepEqual(ids, ids.toSorted())
  assert.equal(new Set(ids).size, 1_000)
  const [first = ""] = ids
  assert.ok(Math.abs(idTime(first).getTime() - Date.now()) < 5_000)
  assert.ok(lowestIdAt("job", idTime(first)) < first)
  assert.ok(lowestIdAt("job", new Date(idTime(first).getTime() + 1)) > first)
})

test("a prompt alone is enough", () => {
  assert.deepEqual(GenerationRequest.parse({ prompt: "a fox" }), {
    prompt: "a fox",
    n: 1,
    output_format: "png",
    include_text: false,
    priority: "normal",
    metadata: {},
  })
})

test("what is out of range is refused at its field", () => {
  assert.deepEqual(refused({}), ["prompt:custom"])
  assert.deepEqual(refused({ prompt: " " }), ["prompt:custom"])
  assert.deepEqual(refused({ prompt: "x".repeat(32_001) }), ["prompt:too_big"])
  assert.deepEqual(refused({ prompt: "\ud800" }), ["prompt:custom"])
  assert.deepEqual(refused({ prompt: "a", n: 99 }), ["n:too_big"])
  assert.deepEqual(refused({ prompt: "a", image_size: "1k" }), ["image_size:invalid_value"])
  assert.deepEqual(refused({ prompt: "a", colour: "red" }), [":unrecognized_keys"])
  assert.deepEqual(refused({ prompt: "a", output_quality: 80 }), ["output_quality:custom"])
})

test("the words are a prompt or a template with variables, never both and never none", () => {
  assert.deepEqual(refused({ template: "mug" }), [])
  assert.deepEqual(refused({ template: "mug", variables: { color: "" } }), [])
  assert.deepEqual(refused({ prompt: "a", template: "mug" }), ["template:custom"])
  assert.deepEqual(refused({ prompt: "a", variables: {} }), ["variables:custom"])
  assert.deepEqual(refused({ variables: {} }), ["prompt:custom", "variables:custom"])
  assert.deepEqual(refused({ template: "mug", variables: { color: 1 } }), ["variables.color:invalid_type"])
  assert.deepEqual(refused({ template: "mug", variables: { a: "x".repeat(4_001) } }), ["variables.a:too_big"])
  const many = Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`v${n}`, ""]))
  assert.deepEqual(refused({ template: "mug", variables: many }), ["variables:custom"])
})

test("a template has an example for each variable and a bound for its size", () => {
  assert.deepEqual(issues({ variables: [{ name: "color", default: "red" }] }), [])
  assert.deepEqual(issues({ variables: [{ name: "color" }] }), ["variables.0.example:custom"])
  assert.deepEqual(issues({ variables: [{ name: "Color", example: "red" }] }), [
    "variables.0.name:invalid_format",
  ])
  assert.deepEqual(issues({ prompt: "x".repeat(8_001) }), ["prompt:too_big"])
  assert.deepEqual(issues({ prompt: "語".repeat(8_000), variables: [] }), [])
  const long = Array.from({ length: 9 }, (_, n) => ({ name: `v${n}`, default: "x".repeat(4_000) }))
  assert.deepEqual(issues({ variables: long }), [":custom"])
})

test("every operation is described, with its failures and no reference into nothing", () => {
  const document = describe({ version: "1", url: "http://kiln.test", operations })
  const text = JSON.stringify(document)
  const names = Object.keys((document["components"] as { schemas: object }).schemas)
  for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    assert.ok(names.includes(name), name)
  for (const id of Object.keys(operations)) assert.match(text, new RegExp(`"operationId":"${id}"`))
  assert.equal(document["openapi"], "3.1.0")
})

test("each path parameter of an operation is in its path", () => {
  for (const [id, { path, params }] of Object.entries(operations)) {
    const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name)
    assert.deepEqual(inPath, Object.keys(params.shape), id)
  }
})
