import assert from "node:assert/strict"
import { test } from "node:test"

import { Parameters, Refusal } from "@kiln/contract"

import { checkCapabilities } from "./capabilities.ts"
import { createModels } from "./models.ts"

const now = new Date("2026-11-22T12:00:00Z")
const models = createModels({ defaultModel: "gemini-nano-banana-2.1" })
const refusalOf = (step: () => unknown): Refusal => {
  try {
    step()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error("Nothing was refused")
}

test("no name is the default model, an alias its successor with a warning", () => {
  assert.equal(models.resolve(undefined, now).model.id, "gemini-nano-banana-2.1")
  assert.deepEqual(models.resolve(undefined, now).warnings, [])
  const alias = models.resolve("gemini-2.5-flash-image-preview", now)
  assert.equal(alias.model.id, "gemini-nano-banana-2.1")
  assert.deepEqual(
    alias.warnings.map(({ code }) => code),
    ["model_replaced"],
  )
})

test("ids that were switched off before are names of the successor", () => {
  for (const id of ["gemini-2.0-flash-preview-image-generation", "gemini-2.0-flash-exp-image-generation"]) {
    const { model, warnings } = createModels({ defaultModel: "nano-banana" }).resolve(id, new Date())
    assert.deepEqual([model.id, warnings[0]?.code], ["gemini-nano-banana-2.1", "model_replaced"])
  }
})

test("a model whose end is announced says so", () => {
  const { warnings } = models.resolve("gemini-2.5-flash-image", now)
  assert.equal(warnings[0]?.code, "model_retiring")
  assert.match(warnings[0].detail, /gemini-nano-banana-2\.1/)
})

test("an unknown model is refused with the field and the known ones", () => {
  const refusal = refusalOf(() => models.resolve("dall-e", now))
  assert.equal(refusal.errors[0]?.pointer, "/model")
  assert.match(refusal.message, /gemini-3-pro-image/)
})

test("a deployment adds models and changes fields of built-in ones", () => {
  const builtIn = models.get("gemini-nano-banana-2.1")
  const own = createModels({
    defaultModel: "gemini-2.5-flash-image-preview",
    overrides: [
      { ...builtIn, id: "gemini-2.5-flash-image-preview", aliases: [], base_url: "https://gateway.example" },
      { id: "gemini-3-pro-image", sort_order: 1 },
    ],
  })
  const { model, warnings } = own.resolve(undefined, now)
  assert.equal(model.base_url, "https://gateway.example")
  assert.deepEqual(warnings, [])
  assert.equal(own.list(now)[0]?.id, "gemini-3-pro-image")
})

test("an entry that is not usable stops the start with its name and field", () => {
  const broken = { defaultModel: "gemini-3-pro-image", overrides: [{ id: "mine", sort_order: "first" }] }
  assert.throws(() => createModels(broken), /Model mine[\s\S]*sort_order/)
})

test("where a model is served and with which key is not shown", () => {
  const own = createModels({
    defaultModel: "gemini-3-pro-image",
    overrides: [{ id: "gemini-3-pro-image", base_url: "https://inside.example", token_env: "SECRET_TOKEN" }],
  })
  assert.doesNotMatch(JSON.stringify(own.list(now)), /inside\.example|SECRET_TOKEN/)
})

test("what a model cannot do is refused with every field at once", () => {
  const { model } = models.resolve("gemini-3-pro-image", now)
  const asked = Parameters.parse({ aspect_ratio: "1:8", image_size: "512", thinking_level: "high" })
  assert.deepEqual(
    refusalOf(() => checkCapabilities(model, asked)).errors.map(({ pointer }) => pointer),
    ["/aspect_ratio", "/image_size", "/thinking_level"],
  )
  checkCapabilities(model, Parameters.parse({ aspect_ratio: "16:9", image_size: "4K" }))
})

test("what Imagen lacks is refused, and its own choice about people is refused elsewhere", () => {
  const pointers = (name: string, asked: object) => {
    const { model } = models.resolve(name, now)
    return refusalOf(() => checkCapabilities(model, Parameters.parse(asked))).errors.map(
      ({ pointer }) => pointer,
    )
  }
  const asked = { system_instruction: "x", temperature: 1, seed: 1, image_size: "4K", aspect_ratio: "21:9" }
  assert.deepEqual(pointers("imagen-4.0-generate-001", asked), [
    "/aspect_ratio",
    "/image_size",
    "/seed",
    "/system_instruction",
    "/temperature",
  ])
  assert.deepEqual(pointers("imagen-4.0-fast-generate-001", { image_size: "2K" }), ["/image_size"])
  assert.deepEqual(pointers("nano-banana", { person_generation: "dont_allow" }), ["/person_generation"])
  const { model } = models.resolve("imagen-4.0-ultra-generate-001", now)
  checkCapabilities(model, Parameters.parse({ person_generation: "dont_allow", image_size: "2K" }))
})

test("a model's end is announced from thirty days before, and it is still taken after", () => {
  const dated = createModels({
    defaultModel: "nano-banana",
    overrides: [
      { id: "gemini-3-pro-image", retires_on: "2027-01-31", replaced_by: "gemini-nano-banana-2.1" },
    ],
  })
  const saidOn = (day: string) => {
    const { warnings } = dated.resolve("nano-banana-pro", new Date(`${day}T00:00:00Z`))
    const status = dated
      .list(new Date(`${day}T00:00:00Z`))
      .find(({ id }) => id === "gemini-3-pro-image")?.status
    return [warnings.some(({ code }) => code === "model_retiring"), status]
  }
  assert.deepEqual(saidOn("2026-12-31"), [false, "available"])
  assert.deepEqual(saidOn("2027-01-02"), [true, "retiring"])
  assert.deepEqual(saidOn("2027-02-01"), [true, "retired"])
})

test("models are listed by their sort order with their groups", () => {
  const listed = models.list(now)
  assert.deepEqual(
    listed.map(({ sort_order }) => sort_order),
    listed.map(({ sort_order }) => sort_order).toSorted((a, b) => a - b),
  )
  assert.deepEqual([...new Set(listed.map(({ group }) => group))], ["Nano Banana", "Imagen"])
})

test("a size is never sent to the model that has only one", () => {
  const { model } = models.resolve("gemini-2.5-flash-image", now)
  const refusal = refusalOf(() => checkCapabilities(model, Parameters.parse({ image_size: "1K" })))
  assert.equal(refusal.errors[0]?.pointer, "/image_size")
})

test("a model takes as many images as it is known to, and none where it does not edit", () => {
  const { model } = models.resolve("gemini-3-pro-image", now)
  const parameters = Parameters.parse({})
  const most = model.capabilities.max_input_images
  checkCapabilities(model, parameters, most)
  const pointers = (capabilities: Partial<typeof model.capabilities>, inputs?: number) => {
    const changed = { ...model, capabilities: { ...model.capabilities, ...capabilities } }
    return refusalOf(() => checkCapabilities(changed, parameters, inputs)).errors.map(
      ({ pointer }) => pointer,
    )
  }
  assert.deepEqual(pointers({}, most + 1), ["/images"])
  assert.deepEqual(pointers({ edit: false }, 1), ["/model"])
  assert.deepEqual(pointers({ generate: false }), ["/model"])
})
