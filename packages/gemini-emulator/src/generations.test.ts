import assert from "node:assert/strict"
import { after, test } from "node:test"

import sharp from "sharp"

import type { Answer } from "./generate/answer.ts"
import { startEmulator } from "./start-emulator.ts"
import { answerOf, ask, errorOf, imageOf } from "./test-client.ts"

const emulator = await startEmulator({ latencyMs: 0 })
after(() => emulator[Symbol.asyncDispose]())

const pictures: [model: string, imageConfig: object, format: string, width: number, height: number][] = [
  ["gemini-nano-banana-2.1", { aspectRatio: "16:9", imageSize: "2K" }, "jpeg", 2752, 1536],
  ["gemini-nano-banana-2.1", { aspectRatio: "8:1" }, "jpeg", 3072, 384],
  ["gemini-3-pro-image", { aspectRatio: "9:16" }, "jpeg", 768, 1376],
  ["nano-banana-pro-preview", {}, "jpeg", 1024, 1024],
  ["gemini-3.1-flash-image", { aspectRatio: "1:4", imageSize: "512" }, "jpeg", 256, 1024],
  ["gemini-3.1-flash-lite-image", { aspectRatio: "4:5" }, "jpeg", 928, 1152],
  ["gemini-2.5-flash-image", { aspectRatio: "21:9" }, "png", 1536, 672],
]
for (const [model, imageConfig, format, width, height] of pictures) {
  test(`${model} with ${JSON.stringify(imageConfig)} paints ${width}x${height} ${format}`, async () => {
    const answer = await answerOf(await ask(emulator, { model, body: { generationConfig: { imageConfig } } }))
    const { data, info } = await sharp(imageOf(answer)).raw().toBuffer({ resolveWithObject: true })
    assert.deepEqual([info.width, info.height], [width, height])
    assert.equal((await sharp(imageOf(answer)).metadata()).format, format)
    assert.ok(new Set(data).size > 50, "the picture is not blank")
  })
}

const flat = async (width: number, height: number, background: string) => {
  const bytes = await sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer()
  return { inlineData: { mimeType: "image/png", data: bytes.toString("base64") } }
}

test("without a ratio the picture takes the shape of the last image given", async () => {
  const parts = [await flat(90, 160, "#c33"), await flat(300, 200, "#c33"), { text: "join them" }]
  const answer = await answerOf(await ask(emulator, { body: { contents: [{ parts }] } }))
  const { width, height } = await sharp(imageOf(answer)).metadata()
  assert.deepEqual([width, height], [1264, 848])
  assert.deepEqual(answer.usageMetadata?.promptTokensDetails, [
    { modality: "TEXT", tokenCount: 3 },
    { modality: "IMAGE", tokenCount: 2240 },
  ])
})

test("an input image is seen on the answer, and its order", async () => {
  const parts = [await flat(64, 64, "#f00"), await flat(64, 64, "#00f"), { text: "compose" }]
  const body = { contents: [{ parts }], generationConfig: { imageConfig: { aspectRatio: "1:1" } } }
  const answer = await answerOf(await ask(emulator, { body }))
  // The tiles stand in a row along the lower edge; their middles lie at these points.
  const { data, info } = await sharp(imageOf(answer)).raw().toBuffer({ resolveWithObject: true })
  const at = (x: number, y: number) => [
    ...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3),
  ]
  const [red, , blueOfRed] = at(200, 830)
  const [redOfBlue, , blue] = at(470, 830)
  assert.ok((red ?? 0) > 200 && (blueOfRed ?? 255) < 60, `first tile is ${at(200, 830).join()}`)
  assert.ok((blue ?? 0) > 200 && (redOfBlue ?? 255) < 60, `second tile is ${at(470, 830).join()}`)
})

test("usage adds up, candidates count a little above their details, zeros are left out", async () => {
  const { usageMetadata: usage = {}, modelVersion } = await answerOf(await ask(emulator, { prompt: "a cat" }))
  const { promptTokenCount = 0, candidatesTokenCount = 0, thoughtsTokenCount = 0 } = usage
  assert.equal(usage.totalTokenCount, promptTokenCount + candidatesTokenCount + thoughtsTokenCount)
  assert.deepEqual(usage.candidatesTokensDetails, [{ modality: "IMAGE", tokenCount: 1120 }])
  assert.ok(candidatesTokenCount > 1120 + 80 && candidatesTokenCount < 1120 + 630)
  assert.equal(modelVersion, "gemini-nano-banana-2.1")
  const generationConfig = { thinkingConfig: { thinkingLevel: "minimal" } }
  const minimal = await answerOf(await ask(emulator, { body: { generationConfig } }))
  assert.ok(!("thoughtsTokenCount" in (minimal.usageMetadata ?? {})))
})

test("image tokens follow the size", async () => {
  const body = { generationConfig: { imageConfig: { imageSize: "2K", aspectRatio: "1:1" } } }
  const { usageMetadata } = await answerOf(await ask(emulator, { body, model: "gemini-3.1-flash-image" }))
  assert.equal(usageMetadata?.candidatesTokensDetails?.[0]?.tokenCount, 1680)
})

const kinds = async (responseModalities: string[]) => {
  const answer = await answerOf(await ask(emulator, { body: { generationConfig: { responseModalities } } }))
  return answer.candidates?.[0]?.content?.parts?.map((part) => (part.text === undefined ? "image" : "text"))
}

test("the modalities decide whether there is text", async () => {
  assert.deepEqual(await kinds(["TEXT", "IMAGE"]), ["text", "image"])
  assert.deepEqual(await kinds(["IMAGE"]), ["image"])
  assert.deepEqual(await kinds(["TEXT"]), ["text"])
})

const paint = async (seed?: number) =>
  imageOf(await answerOf(await ask(emulator, { body: { generationConfig: { seed } } })))

test("the same seed paints the same picture, no seed paints another", async () => {
  assert.ok((await paint(7)).equals(await paint(7)))
  assert.ok(!(await paint()).equals(await paint()))
})

test("thoughts are shown when asked for, unsigned, before the answer", async () => {
  const generationConfig = { thinkingConfig: { includeThoughts: true } }
  const answer = await answerOf(await ask(emulator, { body: { generationConfig } }))
  const parts = answer.candidates?.[0]?.content?.parts ?? []
  assert.deepEqual(
    parts.map((part) => [part.thought ?? false, part.thoughtSignature !== undefined]),
    [
      [true, false],
      [true, false],
      [false, true],
      [false, true],
    ],
  )
})

test("too small an output limit ends with MAX_TOKENS and no image", async () => {
  const answer = await answerOf(
    await ask(emulator, { body: { generationConfig: { maxOutputTokens: 1000 } } }),
  )
  assert.equal(answer.candidates?.[0]?.finishReason, "MAX_TOKENS")
  assert.equal(imageOf(answer).length, 0)
})

test("the search tool brings grounding metadata", async () => {
  const body = { tools: [{ googleSearch: { searchTypes: { imageSearch: {} } } }] }
  const answer = await answerOf(await ask(emulator, { body }))
  assert.deepEqual(Object.keys(answer.candidates?.[0]?.groundingMetadata ?? {}), [
    "searchEntryPoint",
    "groundingChunks",
    "imageSearchQueries",
    "groundingSupports",
  ])
})

const conversation = (answer: Answer, change: (part: object) => object = (part) => part) => ({
  contents: [
    { role: "user", parts: [{ text: "a cat" }] },
    { role: "model", parts: (answer.candidates?.[0]?.content?.parts ?? []).map(change) },
    { role: "user", parts: [{ text: "with a hat" }] },
  ],
})

test("a model turn must be replayed with the signatures it came with", async () => {
  const generationConfig = { responseModalities: ["IMAGE"] }
  const first = await answerOf(await ask(emulator, { body: { generationConfig } }))
  assert.equal((await ask(emulator, { body: conversation(first) })).status, 200)
  const signed = (thoughtSignature?: string) =>
    ask(emulator, { body: conversation(first, (part) => ({ ...part, thoughtSignature })) })
  assert.equal(
    (await errorOf(await signed())).message,
    "Image part is missing a thought_signature in content position 2, part position 1. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures#model-behavior for more details.",
  )
  assert.equal((await errorOf(await signed("QUJDRA=="))).message, "Corrupted thought signature.")
  assert.equal(
    (await errorOf(await signed("not base64!"))).message,
    `Invalid value at 'contents[1].parts[0].thought_signature' (TYPE_BYTES), Base64 decoding failed for "not base64!"`,
  )
  assert.equal((await signed("skip_thought_signature_validator")).status, 200)
})

test("a replayed image must be the one that its signature came with, byte for byte", async () => {
  const generationConfig = { responseModalities: ["IMAGE"] }
  const prompt = "[[long_signatures]] a cat"
  const first = await answerOf(await ask(emulator, { prompt, body: { generationConfig } }))
  const [part] = first.candidates?.[0]?.content?.parts ?? []
  assert.equal(Buffer.from(part?.thoughtSignature ?? "", "base64").length, 20_032)
  assert.equal((await ask(emulator, { body: conversation(first) })).status, 200)
  const bytes = Buffer.from(part?.inlineData?.data ?? "", "base64")
  bytes[bytes.length - 3] = (bytes.at(-3) ?? 0) ^ 1
  const altered = { mimeType: "image/jpeg", data: bytes.toString("base64") }
  const response = await ask(emulator, {
    body: conversation(first, (each) => ({ ...each, inlineData: altered })),
  })
  assert.equal((await errorOf(response)).message, "Corrupted thought signature.")
  assert.deepEqual(
    emulator.calls.at(-2)?.contents?.map(({ role, parts }) => [role, parts.map(({ kind }) => kind)]),
    [
      ["user", ["text"]],
      ["model", ["inline"]],
      ["user", ["text"]],
    ],
  )
})

test("the first text of a model turn must be signed too, unless checks are off", async () => {
  const first = await answerOf(await ask(emulator, {}))
  const body = conversation(first, (part) => ("text" in part ? { text: part.text } : part))
  assert.match(
    (await errorOf(await ask(emulator, { body }))).message,
    /^Text part is missing a thought_signature/,
  )
  await using lenient = await startEmulator({ latencyMs: 0, strictSignatures: false })
  assert.equal((await ask(lenient, { body })).status, 200)
})

test("a stream of server-sent events brings the image whole and ends with the reason", async () => {
  const response = await ask(emulator, { method: "streamGenerateContent", query: "?alt=sse" })
  assert.equal(response.headers.get("content-type"), "text/event-stream")
  const frames = (await response.text()).split("\r\n\r\n").filter((frame) => frame !== "")
  const chunks = frames.map((frame) => JSON.parse(frame.replace(/^data: /, "")) as Answer)
  const last = chunks.at(-1)?.candidates?.[0]
  assert.deepEqual([last?.content?.parts, last?.finishReason], [[{ text: "" }], "STOP"])
  assert.ok(chunks.slice(0, -1).every((chunk) => chunk.candidates?.[0]?.finishReason === undefined))
  const images = chunks.filter((chunk) => imageOf(chunk).length > 0)
  assert.equal(images.length, 1)
  assert.equal(
    (await sharp(images[0] === undefined ? Buffer.of() : imageOf(images[0])).metadata()).width,
    1024,
  )
})

test("a stream without SSE is one JSON list, errors included", async () => {
  const response = await ask(emulator, { method: "streamGenerateContent" })
  const chunks = (await response.json()) as Answer[]
  assert.equal(chunks.at(-1)?.candidates?.[0]?.finishReason, "STOP")
  const refused = await ask(emulator, { method: "streamGenerateContent", body: { foo: 1 } })
  assert.equal(refused.status, 400)
  const [wrapped] = (await refused.json()) as { error: { code: number } }[]
  assert.equal(wrapped?.error.code, 400)
})

test("every answer says that it is the emulator's", async () => {
  const paths = ["/v1beta/models", "/nowhere", "/emulator/scenarios"]
  for (const path of paths) {
    assert.equal((await fetch(emulator.url + path)).headers.get("x-kiln-emulator"), "gemini")
  }
  const { headers } = await ask(emulator, {})
  assert.equal(headers.get("x-kiln-emulator"), "gemini")
  assert.equal(headers.get("content-type"), "application/json; charset=UTF-8")
  assert.equal(headers.get("x-gemini-service-tier"), "standard")
})

test("tokens are counted without a generation", async () => {
  const response = await ask(emulator, { method: "countTokens", prompt: "a cat on a mat!!" })
  const expected = { totalTokens: 4, promptTokensDetails: [{ modality: "TEXT", tokenCount: 4 }] }
  assert.deepEqual(await response.json(), expected)
})
