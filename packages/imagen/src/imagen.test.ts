import assert from "node:assert/strict"
import { once } from "node:events"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"

import { Parameters, type JobFailureCode } from "@kiln/contract"
import { createModels, type PaintRequest } from "@kiln/jobs"

import { createImagen } from "./imagen.ts"
import { predictBody } from "./predict-body.ts"

const key = "AIzaTestKeyThatMustNeverBeShown0123456789"
const { model } = createModels({ defaultModel: "imagen-4" }).resolve(undefined, new Date())
const picture = Buffer.from("a picture, or as good as one to whoever only carries it")

const request = (asked: object = {}, change: Partial<PaintRequest["model"]> = {}): PaintRequest => ({
  model: { ...model, ...change },
  prompt: "A red bicycle",
  parameters: Parameters.parse(asked),
  inputs: [],
})

/** A gateway that gives one answer, and an Imagen that calls it. */
async function startGateway(status: number, answer: unknown) {
  const received: { url: string; key: unknown; body: unknown }[] = []
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const chunks: Uint8Array[] = []
      for await (const chunk of incoming) chunks.push(chunk as Uint8Array)
      const { url = "", headers } = incoming
      received.push({
        url,
        key: headers["x-goog-api-key"],
        body: JSON.parse(Buffer.concat(chunks).toString()),
      })
      outgoing.writeHead(status, { "content-type": "application/json" })
      outgoing.end(typeof answer === "string" ? answer : JSON.stringify(answer))
    })()
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  const folder = await mkdtemp(join(tmpdir(), "kiln-imagen-"))
  const target = join(folder, "image")
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/gate`
  const imagen = createImagen({ apiKey: key, baseUrl, apiVersion: "v1", timeoutMs: 10_000 })
  return {
    received,
    paint: async () => imagen.paint(request(), { target, signal: AbortSignal.timeout(10_000) }),
    picture: async () => readFile(target),
    files: async () => readdir(folder),
    async [Symbol.asyncDispose]() {
      await imagen[Symbol.asyncDispose]()
      server.closeAllConnections()
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

test("an image is asked for where the model is served and written as it came", async () => {
  const bytesBase64Encoded = picture.toString("base64")
  await using gateway = await startGateway(200, {
    predictions: [{ mimeType: "image/png", bytesBase64Encoded }],
  })
  const painted = await gateway.paint()
  assert.deepEqual(await gateway.picture(), picture)
  assert.deepEqual(painted.tokens, { input: 0, output: 0, image: 0, images: 1 })
  assert.equal(painted.bytes, picture.length)
  assert.deepEqual(
    gateway.received.map(({ url, key: sent }) => [url, sent]),
    [["/gate/v1/models/imagen-4.0-generate-001:predict", key]],
  )
  assert.deepEqual(await gateway.files(), ["image"])
})

test("gateways that answer in snake_case, or with more than one image, are understood", async () => {
  const other = Buffer.from("another one").toString("base64")
  const predictions = [
    { mime_type: "image/png", bytes_base64_encoded: picture.toString("base64") },
    { mime_type: "image/png", bytes_base64_encoded: other },
    { contentType: "Positive Prompt", safetyAttributes: { categories: ["x"], scores: [0.1] } },
  ]
  await using gateway = await startGateway(200, { predictions })
  await gateway.paint()
  assert.deepEqual(await gateway.picture(), picture)
})

const failures: [name: string, status: number, answer: unknown, code: JobFailureCode, charged: string][] = [
  ["a filtered image", 200, { predictions: [{ raiFilteredReason: "violated" }] }, "content_blocked", "no"],
  ["no prediction at all", 200, {}, "no_image", "no"],
  ["predictions of another kind", 200, { predictions: ["?"] }, "no_image", "no"],
  ["a damaged image", 200, { predictions: [{ bytesBase64Encoded: "*" }] }, "upstream_error", "yes"],
  ["no JSON", 200, "<html>", "upstream_error", "unknown"],
  ["the end of the model", 404, { error: { code: 404, status: "NOT_FOUND" } }, "model_unavailable", "no"],
  ["an overload", 503, "<html>", "upstream_overloaded", "no"],
  ["a bad key", 403, { error: { code: 403, message: `the key ${key}` } }, "upstream_auth", "no"],
]
for (const [name, status, answer, code, charged] of failures) {
  test(`${name} is ${code}`, async () => {
    await using gateway = await startGateway(status, answer)
    await assert.rejects(gateway.paint(), (error: Error) => {
      assert.deepEqual([Reflect.get(error, "code"), Reflect.get(error, "charged")], [code, charged])
      assert.doesNotMatch(JSON.stringify(error), new RegExp(key))
      return true
    })
    assert.deepEqual(await gateway.files(), [])
  })
}

test("the body says what Imagen knows: one image a call, its size, people, the strictest threshold", () => {
  assert.deepEqual(predictBody(request()), {
    instances: [{ prompt: "A red bicycle" }],
    parameters: { sampleCount: 1, includeRaiReason: true, outputOptions: { mimeType: "image/png" } },
  })
  const asked = {
    n: 4,
    aspect_ratio: "16:9",
    image_size: "2K",
    person_generation: "dont_allow",
    safety: { harassment: "off", dangerous_content: "block_only_high", hate_speech: "block_none" },
  }
  assert.deepEqual(predictBody(request(asked, { system_instruction: "Paint in blue." })), {
    instances: [{ prompt: "Paint in blue.\n\nA red bicycle" }],
    parameters: {
      sampleCount: 1,
      aspectRatio: "16:9",
      sampleImageSize: "2K",
      personGeneration: "dont_allow",
      safetySetting: "block_only_high",
      includeRaiReason: true,
      outputOptions: { mimeType: "image/png" },
    },
  })
  const off = predictBody(request({ safety: { harassment: "off" } }))
  assert.match(JSON.stringify(off), /"safetySetting":"block_none"/)
})
