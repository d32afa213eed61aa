import assert from "node:assert/strict"
import { test } from "node:test"

import sharp from "sharp"

import { startEmulator, type Emulator } from "./start-emulator.ts"
import { ask, errorOf } from "./test-client.ts"

const model = "imagen-4.0-generate-001"
type Prediction = { mimeType?: string; bytesBase64Encoded?: string; raiFilteredReason?: string }

const predict = (emulator: Emulator, prompt: string, parameters: object = {}, id = model) =>
  ask(emulator, {
    model: id,
    method: "predict",
    body: JSON.stringify({ instances: [{ prompt }], parameters }),
  })
const predictionsOf = async (response: Response) =>
  ((await response.json()) as { predictions?: Prediction[] }).predictions

test("Imagen is served on request alone, with as many pictures as asked for, of their size", async () => {
  await using google = await startEmulator({ latencyMs: 0 })
  assert.equal((await predict(google, "a mug")).status, 404)
  await using gateway = await startEmulator({ latencyMs: 0, imagen: true })
  const asked = { sampleCount: 2, aspectRatio: "16:9", sampleImageSize: "2K" }
  const predictions = (await predictionsOf(await predict(gateway, "a mug", asked))) ?? []
  assert.equal(predictions.length, 2)
  const picture = Buffer.from(predictions[0]?.bytesBase64Encoded ?? "", "base64")
  const { format, width, height } = await sharp(picture).metadata()
  assert.deepEqual([format, width, height, predictions[0]?.mimeType], ["png", 2816, 1536, "image/png"])
  const known = await fetch(`${gateway.url}/v1beta/models/${model}`, { headers: { "x-goog-api-key": "k" } })
  assert.equal(((await known.json()) as { name: string }).name, `models/${model}`)
})

test("what Imagen does not take is refused", async () => {
  await using gateway = await startEmulator({ latencyMs: 0, imagen: true })
  const refusals: [object, string?][] = [
    [{ sampleCount: 5 }],
    [{ sampleCount: 2 }, "imagen-4.0-ultra-generate-001"],
    [{ sampleImageSize: "2K" }, "imagen-4.0-fast-generate-001"],
    [{ aspectRatio: "21:9" }],
    [{ personGeneration: "everyone" }],
    [{ safetySetting: "off" }],
    [{ negativePrompt: "cars" }],
  ]
  for (const [parameters, id] of refusals) {
    assert.equal((await predict(gateway, "a mug", parameters, id)).status, 400, JSON.stringify(parameters))
  }
  assert.match((await errorOf(await predict(gateway, ""))).message, /prompt/)
  assert.equal((await predict(gateway, "a mug [[503]]")).status, 503)
})

test("a filtered picture leaves its reason where one is asked for, else nothing", async () => {
  await using gateway = await startEmulator({ latencyMs: 0, imagen: true })
  const prompt = "a mug [[image_safety]]"
  const told = await predictionsOf(await predict(gateway, prompt, { includeRaiReason: true }))
  assert.match(told?.[0]?.raiFilteredReason ?? "", /Responsible AI/)
  assert.equal(await predictionsOf(await predict(gateway, prompt)), undefined)
})
