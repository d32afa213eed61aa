import assert from "node:assert/strict"
import test from "node:test"

import type { ModelEntry } from "@kiln/contract"

import { toRequestBody } from "./request.ts"
import { paintRequest } from "./testing/paint-request.ts"

const bodyOf = (options?: Parameters<typeof paintRequest>[0]) => toRequestBody(paintRequest(options))

test("a plain prompt asks for an image and nothing else", () => {
  assert.deepEqual(bodyOf(), {
    contents: [{ role: "user", parts: [{ text: "A red bicycle" }] }],
    generationConfig: { responseModalities: ["IMAGE"] },
  })
})

test("every parameter goes to its place in the words of the upstream", () => {
  const body = bodyOf({
    model: { system_instruction: "Be brave." },
    parameters: {
      n: 4,
      aspect_ratio: "16:9",
      image_size: "2K",
      include_text: true,
      system_instruction: "Be careful.",
      temperature: 0,
      seed: 0,
      thinking_level: "high",
      safety: { harassment: "off", hate_speech: "block_only_high" },
    },
  })
  assert.deepEqual(body, {
    contents: [{ role: "user", parts: [{ text: "A red bicycle" }] }],
    systemInstruction: { parts: [{ text: "Be brave.\n\nBe careful." }] },
    generationConfig: {
      responseModalities: ["TEXT", "IMAGE"],
      imageConfig: { aspectRatio: "16:9", imageSize: "2K" },
      temperature: 0,
      seed: 0,
      thinkingConfig: { thinkingLevel: "HIGH" },
    },
    safetySettings: [
      { category: "HARM_CATEGORY_HARASSMENT", threshold: "OFF" },
      { category: "HARM_CATEGORY_HATE_SPEECH", threshold: "BLOCK_ONLY_HIGH" },
    ],
  })
})

const instruction = (options: Parameters<typeof paintRequest>[0]) =>
  (bodyOf(options) as { systemInstruction?: unknown }).systemInstruction

test("either system instruction is sent alone when there is only one", () => {
  assert.deepEqual(instruction({ model: { system_instruction: "A" } }), { parts: [{ text: "A" }] })
  assert.deepEqual(instruction({ parameters: { system_instruction: "B" } }), { parts: [{ text: "B" }] })
})

test("what the model does not have is not sent", () => {
  const { capabilities } = paintRequest().model
  const poor: ModelEntry["capabilities"] = {
    ...capabilities,
    image_sizes: [],
    thinking_levels: [],
    grounding: [],
    seed: false,
    text: false,
  }
  const body = bodyOf({
    model: { capabilities: poor },
    parameters: {
      image_size: "1K",
      aspect_ratio: "1:1",
      thinking_level: "high",
      grounding: ["web"],
      seed: 7,
      include_text: true,
    },
  })
  assert.deepEqual(body, {
    contents: [{ role: "user", parts: [{ text: "A red bicycle" }] }],
    generationConfig: { responseModalities: ["IMAGE"], imageConfig: { aspectRatio: "1:1" } },
  })
})

const tools = (grounding: ("web" | "image")[]) =>
  (bodyOf({ parameters: { grounding } }) as { tools?: unknown }).tools

test("grounding names search types only when images are searched", () => {
  assert.deepEqual(tools(["web"]), [{ googleSearch: {} }])
  assert.deepEqual(tools(["image"]), [{ googleSearch: { searchTypes: { imageSearch: {} } } }])
  assert.deepEqual(tools(["image", "web"]), [
    { googleSearch: { searchTypes: { webSearch: {}, imageSearch: {} } } },
  ])
})
