import assert from "node:assert/strict"
import test from "node:test"
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib"

import { createGemini } from "./gemini.ts"
import { paintRequest } from "./testing/paint-request.ts"
import { answer, createScriptedUpstream, testKey } from "./testing/scripted-upstream.ts"

const never = new AbortController().signal
const jpeg = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 4, 5, 6])
const image = (bytes: Buffer, more = {}) => ({
  inlineData: { mimeType: "text/plain", data: bytes.toString("base64") },
  ...more,
})
const reply = (parts: unknown[], more = {}) => ({
  candidates: [{ content: { role: "model", parts }, finishReason: "STOP", index: 0 }],
  usageMetadata: {
    promptTokenCount: 9,
    toolUsePromptTokenCount: 3,
    candidatesTokenCount: 1_812,
    thoughtsTokenCount: 272,
    candidatesTokensDetails: [
      { modality: "TEXT", tokenCount: 20 },
      { modality: "IMAGE", tokenCount: 1_680 },
    ],
  },
  modelVersion: "sample-image",
  responseId: "kq4hab3s",
  ...more,
})

test("an image is written to the target and told with its text, tokens and ids", async () => {
  const parts = [{ text: "Here it is." }, { text: "thinking", thought: true }, image(jpeg), { text: "Bye." }]
  await using upstream = await createScriptedUpstream(answer(200, reply(parts)))
  assert.deepEqual(await upstream.paint(), {
    bytes: 10,
    text: "Here it is.\n\nBye.",
    content: [{ type: "text", text: "Here it is." }, { type: "image" }, { type: "text", text: "Bye." }],
    tokens: { input: 12, output: 2_084, image: 1_680 },
    warnings: [],
    modelVersion: "sample-image",
    responseId: "kq4hab3s",
  })
  assert.deepEqual(await upstream.picture(), jpeg)
  assert.deepEqual(await upstream.files(), ["image"])
})

test("the call is a POST to the model with the key in its header only", async () => {
  await using upstream = await createScriptedUpstream(answer(200, reply([image(jpeg)])))
  await upstream.paint()
  const [call] = upstream.received
  assert.equal(call?.method, "POST")
  assert.equal(call?.url, "/v1beta/models/sample-image:generateContent")
  assert.equal(call?.headers["x-goog-api-key"], testKey)
  assert.equal(call?.headers["content-type"], "application/json")
  assert.equal(call?.headers["accept-encoding"], "identity")
  assert.equal(JSON.parse(call?.body ?? "").contents[0].parts[0].text, "A red bicycle")
})

test("a model's own address, version and key are used instead of the general ones", async () => {
  await using upstream = await createScriptedUpstream(answer(200, reply([image(jpeg)])))
  await using gemini = createGemini({
    apiKey: "",
    baseUrl: "http://127.0.0.1:1/nowhere",
    apiVersion: "v1beta",
    timeoutMs: 30_000,
    modelKeys: { sample: "own-key" },
  })
  const model = { base_url: `${upstream.baseUrl}/gemini/`, api_version: "" }
  await gemini.paint(paintRequest({ model }), { target: upstream.target, signal: never })
  assert.equal(upstream.received[0]?.url, "/gemini/models/sample-image:generateContent")
  assert.equal(upstream.received[0]?.headers["x-goog-api-key"], "own-key")
  const keyless = gemini.paint(paintRequest({ model: { id: "other" } }), {
    target: upstream.target,
    signal: never,
  })
  await assert.rejects(keyless, { code: "upstream_auth", charged: "no" })
})

test("a key that no header can carry is refused at once, without showing it", () => {
  assert.throws(
    () => createGemini({ apiKey: "a\nb", baseUrl: "http://x.test", apiVersion: "", timeoutMs: 1 }),
    (error: Error) => !error.message.includes("a\nb"),
  )
})

test("connections are kept for the next call", async () => {
  const ports = new Set<number | undefined>()
  await using upstream = await createScriptedUpstream((response, received) => {
    ports.add(response.socket?.remotePort)
    return answer(200, reply([image(jpeg)]))(response, received)
  })
  for (let call = 0; call < 3; call++) await upstream.paint()
  assert.equal(ports.size, 1)
})

test("of several images the last that is no thought is kept, and the caller is told", async () => {
  const [first, second, thought] = [Buffer.from("first"), Buffer.from("second"), Buffer.from("thought")]
  const parts = [image(first), image(second), image(thought, { thought: true })]
  await using upstream = await createScriptedUpstream(answer(200, reply(parts)))
  const { warnings, bytes } = await upstream.paint()
  assert.deepEqual(await upstream.picture(), second)
  assert.equal(bytes, 6)
  assert.deepEqual(
    warnings.map(({ code }) => code),
    ["extra_images"],
  )
  assert.deepEqual(await upstream.files(), ["image"])
})

test("an image of the model's thinking is kept when there is no other", async () => {
  const parts = [image(Buffer.from("early"), { thought: true }), image(jpeg, { thought: true })]
  await using upstream = await createScriptedUpstream(answer(200, reply(parts)))
  const { warnings } = await upstream.paint()
  assert.deepEqual(await upstream.picture(), jpeg)
  assert.deepEqual(
    warnings.map(({ code }) => code),
    ["thought_image"],
  )
})

test("a damaged image gives way to a whole one", async () => {
  const parts = [image(jpeg), { inlineData: { data: "?" } }]
  await using upstream = await createScriptedUpstream(answer(200, reply(parts)))
  await upstream.paint()
  assert.deepEqual(await upstream.picture(), jpeg)
})

test("an image that came before the token limit is good", async () => {
  const body = { candidates: [{ content: { parts: [image(jpeg)] }, finishReason: "MAX_TOKENS" }] }
  await using upstream = await createScriptedUpstream(answer(200, body))
  const { tokens } = await upstream.paint()
  assert.deepEqual(tokens, { input: 0, output: 0, image: 0 })
})

test("without details all tokens of the answer count as image", async () => {
  const usageMetadata = { promptTokenCount: "9", candidatesTokenCount: 1_290, thoughtsTokenCount: null }
  await using upstream = await createScriptedUpstream(answer(200, reply([image(jpeg)], { usageMetadata })))
  assert.deepEqual((await upstream.paint()).tokens, { input: 9, output: 1_290, image: 1_290 })
})

test("the notice that a model ends becomes a warning", async () => {
  const modelStatus = {
    message: "Ends soon.",
    modelStage: "DEPRECATED",
    retirementTime: "2027-01-01T00:00:00Z",
  }
  await using upstream = await createScriptedUpstream(answer(200, reply([image(jpeg)], { modelStatus })))
  assert.deepEqual((await upstream.paint()).warnings, [{ code: "model_retiring", detail: "Ends soon." }])
})

test("the snake_case of gateways and an array of pieces are understood", async () => {
  const body = [
    { candidates: [{ content: { parts: [{ text: "Look." }] } }] },
    {
      candidates: [
        { content: { parts: [{ inline_data: { mime_type: "x", data: jpeg.toString("base64url") } }] } },
      ],
    },
    {
      candidates: [{ content: {}, finish_reason: "STOP" }],
      usage_metadata: { prompt_token_count: 5, candidates_token_count: 7 },
      response_id: "r1",
    },
  ]
  await using upstream = await createScriptedUpstream(answer(200, body))
  const painted = await upstream.paint()
  assert.equal(painted.text, "Look.")
  assert.equal(painted.responseId, "r1")
  assert.deepEqual(painted.tokens, { input: 5, output: 7, image: 7 })
  assert.deepEqual(await upstream.picture(), jpeg)
})

test("fields of other shapes than expected do not cost the image", async () => {
  const more = {
    usageMetadata: "none",
    modelVersion: 3,
    promptFeedback: null,
    modelStatus: [],
    groundingMetadata: 1,
  }
  await using upstream = await createScriptedUpstream(answer(200, reply([null, 7, image(jpeg)], more)))
  assert.equal((await upstream.paint()).modelVersion, null)
})

test("an answer that a gateway encoded unasked is decoded", async () => {
  const body = JSON.stringify(reply([image(jpeg)]))
  const encodings = { gzip: gzipSync(body), deflate: deflateSync(body), br: brotliCompressSync(body) }
  for (const [encoding, bytes] of Object.entries(encodings)) {
    await using upstream = await createScriptedUpstream((response) => {
      response.writeHead(200, { "content-encoding": encoding }).end(bytes)
    })
    await upstream.paint()
    assert.deepEqual(await upstream.picture(), jpeg, encoding)
  }
})

test("an answer in single bytes is read like any other", async () => {
  const body = Buffer.from(JSON.stringify(reply([image(jpeg)])))
  await using upstream = await createScriptedUpstream(async (response) => {
    response.socket?.setNoDelay(true)
    for (const byte of body) await new Promise((resolve) => response.write(Uint8Array.of(byte), resolve))
    response.end()
  })
  await upstream.paint()
  assert.deepEqual(await upstream.picture(), jpeg)
})

const probe = async (status: number, body: unknown = {}) => {
  await using upstream = await createScriptedUpstream(answer(status, body))
  const result = await upstream.gemini.probe(paintRequest().model, never)
  assert.equal(upstream.received[0]?.method, "GET")
  assert.equal(upstream.received[0]?.url, "/v1beta/models/sample-image")
  assert.equal(upstream.received[0]?.headers["x-goog-api-key"], testKey)
  return result
}

test("a probe tells whether the model is served", async () => {
  assert.equal(await probe(200), "served")
  for (const message of [
    "Model is not found: models/sample-image for api version v1beta",
    "models/sample-image is not found",
  ]) {
    assert.equal(await probe(404, { error: { code: 404, message, status: "NOT_FOUND" } }), "gone")
  }
  await assert.rejects(probe(403), { code: "upstream_auth" })
  await assert.rejects(probe(503), { code: "upstream_overloaded" })
  // Gateways that know no such method.
  for (const body of [
    "<html>",
    { detail: "Not Found" },
    { error: "Cannot GET /v1beta/models/sample-image" },
  ]) {
    await assert.rejects(probe(404, body), { code: "model_unavailable" })
  }
})
