import assert from "node:assert/strict"
import { after, test } from "node:test"

import { ApiError, GoogleGenAI, type GenerateContentResponse } from "@google/genai"
import sharp from "sharp"

import { startEmulator } from "./start-emulator.ts"

const emulator = await startEmulator({ latencyMs: 0 })
after(() => emulator[Symbol.asyncDispose]())

const google = new GoogleGenAI({ apiKey: "sdk-key", httpOptions: { baseUrl: emulator.url } })
const model = "gemini-nano-banana-2.1"

async function sizeOf(response: GenerateContentResponse): Promise<[number, number] | undefined> {
  const parts = response.candidates?.[0]?.content?.parts ?? []
  const data = parts.findLast((part) => part.inlineData !== undefined)?.inlineData?.data
  if (data === undefined) return undefined
  const { width, height } = await sharp(Buffer.from(data, "base64")).metadata()
  return [width, height]
}

test("Google's SDK generates with imageConfig", async () => {
  const response = await google.models.generateContent({
    model,
    contents: "A red bicycle",
    config: { responseModalities: ["TEXT", "IMAGE"], imageConfig: { aspectRatio: "16:9", imageSize: "1K" } },
  })
  assert.deepEqual(await sizeOf(response), [1376, 768])
  assert.equal(response.usageMetadata?.candidatesTokensDetails?.[0]?.tokenCount, 1120)
})

test("Google's SDK reads the stream", async () => {
  const stream = await google.models.generateContentStream({
    model: "gemini-3-pro-image",
    contents: "A kite",
  })
  const sizes: ([number, number] | undefined)[] = []
  let finishReason: string | undefined
  for await (const chunk of stream) {
    sizes.push(await sizeOf(chunk))
    finishReason = chunk.candidates?.[0]?.finishReason ?? finishReason
  }
  assert.deepEqual(
    sizes.filter((size) => size !== undefined),
    [[1024, 1024]],
  )
  assert.equal(finishReason, "STOP")
})

test("Google's SDK sees an error in the middle of a stream", async () => {
  const stream = await google.models.generateContentStream({ model, contents: "[[mid_stream_error]]" })
  await assert.rejects(
    async () => {
      for await (const chunk of stream) assert.ok(chunk)
    },
    (error) => error instanceof ApiError && error.status === 503,
  )
})

test("Google's SDK gets and lists models", async () => {
  assert.equal((await google.models.get({ model })).inputTokenLimit, 131_072)
  const names: (string | undefined)[] = []
  for await (const listed of await google.models.list({ config: { pageSize: 2 } })) names.push(listed.name)
  assert.equal(names.length, 7)
  assert.ok(names.includes("models/nano-banana-pro-preview"))
  await assert.rejects(google.models.get({ model: "nothing" }), { status: 404 })
})

test("Google's SDK counts tokens", async () => {
  assert.equal((await google.models.countTokens({ model, contents: "four chars each!" })).totalTokens, 4)
})

test("Google's SDK uploads a file, in chunks where it is large, and uses it", async () => {
  // Noise does not compress: more than the SDK's chunk of 8 MB.
  const noise = { type: "gaussian", mean: 128, sigma: 60 } as const
  const bytes = await sharp({ create: { width: 2000, height: 1500, channels: 3, background: "#000", noise } })
    .png({ compressionLevel: 0 })
    .toBuffer()
  assert.ok(bytes.length > 8 * 1024 * 1024)
  const file = await google.files.upload({
    file: new Blob([new Uint8Array(bytes)], { type: "image/png" }),
    config: { displayName: "big" },
  })
  assert.deepEqual([file.state, file.sizeBytes, file.displayName], ["ACTIVE", String(bytes.length), "big"])
  const { uri: fileUri = "", mimeType = "" } = file
  const response = await google.models.generateContent({
    model,
    contents: [{ role: "user", parts: [{ fileData: { fileUri, mimeType } }, { text: "Edit it" }] }],
  })
  assert.deepEqual(await sizeOf(response), [1200, 896])
  await google.files.delete({ name: file.name ?? "" })
  await assert.rejects(google.files.get({ name: file.name ?? "" }), { status: 403 })
})

test("Google's SDK edits over two turns by echoing signatures", async () => {
  const chat = google.chats.create({ model })
  await chat.sendMessage({ message: "A mug" })
  const second = await chat.sendMessage({ message: "Make it blue" })
  assert.deepEqual(await sizeOf(second), [1024, 1024])
})

const failures: [prompt: string, status: number][] = [
  ["[[429_minute]]", 429],
  ["[[503]]", 503],
  ["[[location]]", 400],
  ["[[html_502]]", 502],
]
for (const [prompt, status] of failures) {
  test(`Google's SDK maps ${prompt} to an ApiError with status ${status}`, async () => {
    const asking = google.models.generateContent({ model, contents: prompt })
    await assert.rejects(asking, (error) => error instanceof ApiError && error.status === status)
  })
}
