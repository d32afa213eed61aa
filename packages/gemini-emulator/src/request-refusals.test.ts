import assert from "node:assert/strict"
import { after, test } from "node:test"

import { startEmulator } from "./start-emulator.ts"
import { ask, errorOf, type Question } from "./test-client.ts"

const emulator = await startEmulator({ latencyMs: 0 })
after(() => emulator[Symbol.asyncDispose]())

const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
const bullet = "* GenerateContentRequest."
const image = (mimeType: string, data = pixel) => ({ inlineData: { mimeType, data } })
const parts = (...given: object[]) => ({ body: { contents: [{ parts: given }] } })
const config = (generationConfig: object, model?: string) => ({
  body: { generationConfig },
  ...(model !== undefined && { model }),
})
const type = (name: string, version = "v1beta") =>
  `type.googleapis.com/google.ai.generativelanguage.${version}.${name}`

const refusals: [title: string, question: Question, message: string, code?: number][] = [
  [
    "an unknown name at the root",
    { body: { foo: 1 } },
    'Invalid JSON payload received. Unknown name "foo": Cannot find field.',
  ],
  [
    "an unknown name in a message",
    config({ imageSize: "1K" }),
    `Invalid JSON payload received. Unknown name "imageSize" at 'generation_config': Cannot find field.`,
  ],
  [
    "an unknown name in a list, with indexes",
    parts({ text: "a" }, { inlineData: { mimeType: "image/png", data: pixel, displayName: "x" } }),
    `Invalid JSON payload received. Unknown name "displayName" at 'contents[0].parts[1].inline_data': Cannot find field.`,
  ],
  [
    "several faults at once",
    { body: { foo: 1, generation_config: { seed: "x", candidateCount: 1.5 } } },
    `Invalid JSON payload received. Unknown name "foo": Cannot find field.\nInvalid value at 'generation_config.seed' (TYPE_INT32), "x"\nInvalid value at 'generation_config.candidate_count' (TYPE_INT32), 1.5`,
  ],
  [
    "an unknown enum value",
    config({ responseModalities: ["TEXT", "SOUND"] }),
    `Invalid value at 'generation_config.response_modalities[1]' (${type("GenerationConfig.Modality")}), "SOUND"`,
  ],
  [
    "plain strings in responseFormat",
    config({ responseFormat: { image: { aspectRatio: "3:2" } } }),
    `Invalid value at 'generation_config.response_format.image.aspect_ratio' (${type("ImageResponseFormat.AspectRatio")}), "3:2"`,
  ],
  [
    "the same on v1, which names its own package",
    { version: "v1", ...config({ responseFormat: { image: { imageSize: "2K" } } }) },
    `Invalid value at 'generation_config.response_format.image.image_size' (${type("ImageResponseFormat.ImageSize", "v1")}), "2K"`,
  ],
  [
    "a string where a message belongs",
    { body: { contents: "draw a cat" } },
    `Invalid value at 'contents[0]' (${type("Content")}), "draw a cat"`,
  ],
  [
    "a list where one value belongs",
    parts({ text: ["a"] }),
    `Invalid JSON payload received. Unknown name "text" at 'contents[0].parts[0]': Proto field is not repeating, cannot start list.`,
  ],
  [
    "an object where a scalar belongs",
    parts({ text: { value: "a" } }),
    "Invalid value at 'contents[0].parts[0].text' (text), Starting an object on a scalar field",
  ],
  [
    "bad base64",
    parts(image("image/png", "data:image/png;base64,AAAA")),
    `Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), Base64 decoding failed for "data:image/png;base64,AAAA"`,
  ],
  [
    "two kinds of data in a part",
    parts({ text: "a", ...image("image/png") }),
    "Invalid value at 'contents[0].parts[0]' (oneof), oneof field 'data' is already set. Cannot set 'inlineData'",
  ],
  [
    "a part without data",
    parts({ thought: true }),
    `${bullet}contents[0].parts[0].data: required oneof field 'data' must have one initialized field\n`,
  ],
  ["no contents", { body: "{}" }, `${bullet}contents: contents is not specified\n`],
  ["an empty body", { body: "" }, `${bullet}contents: contents is not specified\n`],
  [
    "contents without parts",
    { body: { contents: [{ role: "user" }] } },
    `${bullet}contents[0].parts: contents.parts must not be empty.\n`,
  ],
  [
    "another role",
    { body: { contents: [{ role: "assistant", parts: [{ text: "a" }] }] } },
    "Please use a valid role: user, model.",
  ],
  [
    "JSON that ends early",
    { body: '{"contents":' },
    "Invalid JSON payload received. Unexpected end of string. Expected a value.\n\n^",
  ],
  [
    "JSON without a comma",
    { body: '{"a":1 "b":2}' },
    'Invalid JSON payload received. Expected , or } after key:value pair.\n{"a":1 "b":2}\n       ^',
  ],
  [
    "a list as the body",
    { body: "[]" },
    'Invalid JSON payload received. Unknown name "": Root element must be a message.',
  ],
  ["two candidates", config({ candidateCount: 2 }), "Multiple candidates is not enabled for this model"],
  ["JSON mode", config({ responseMimeType: "application/json" }), "JSON mode is not enabled for this model"],
  [
    "an image as response type",
    config({ responseMimeType: "image/png" }),
    `${bullet}generation_config.response_mime_type: allowed mimetypes are \`text/plain\`, \`application/json\`, \`application/xml\`, \`application/yaml\` and \`text/x.enum\`.\n`,
  ],
  [
    "an image from a text model",
    config({ responseModalities: ["IMAGE"] }, "gemini-3.8-flash"),
    "Model does not support the requested response modalities: image",
  ],
  [
    "an unknown ratio, where 14 are known",
    config({ imageConfig: { aspectRatio: "7:3" } }),
    `${bullet}generation_config.image_config.aspect_ratio: aspect_ratio must be one of '1:1', '1:4', '1:8', '2:3', '3:2', '3:4', '4:1', '4:3', '4:5', '5:4', '8:1', '9:16', '16:9', '21:9'\n`,
  ],
  [
    "an extreme ratio where 10 are known",
    config({ imageConfig: { aspectRatio: "1:8" } }, "gemini-3-pro-image"),
    `${bullet}generation_config.image_config.aspect_ratio: aspect_ratio must be one of '1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9'\n`,
  ],
  ...["512", "1k", "0.5K"].map((imageSize): [string, Question, string] => [
    `the size ${imageSize} on 2.1`,
    config({ imageConfig: { imageSize } }),
    `${bullet}generation_config.image_config.image_size: image_size must be one of '1K', '2K', '4K'\n`,
  ]),
  [
    "a size on 2.5",
    config({ imageConfig: { imageSize: "1K" } }, "gemini-2.5-flash-image"),
    "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting",
    500,
  ],
  [
    "a thinking level that a model lacks",
    config({ thinkingConfig: { thinkingLevel: "medium" } }, "gemini-3.1-flash-image"),
    "Thinking level MEDIUM is not supported for this model. Please retry with other thinking level.",
  ],
  [
    "any thinking level on 2.5",
    config({ thinkingConfig: { thinkingLevel: "HIGH" } }, "gemini-2.5-flash-image"),
    "Thinking level is not supported for this model.",
  ],
  [
    "search on Lite",
    { model: "gemini-3.1-flash-lite-image", body: { tools: [{ google_search: {} }] } },
    "Search as tool is not enabled for this model",
  ],
  [
    "image search on Pro",
    {
      model: "gemini-3-pro-image",
      body: { tools: [{ googleSearch: { searchTypes: { imageSearch: {} } } }] },
    },
    "Image search is not enabled for this model",
  ],
  [
    "function calling",
    { body: { tools: [{ functionDeclarations: [{ name: "f" }] }] } },
    "Function calling is not enabled for this model",
  ],
  ["SVG as input", parts(image("image/svg+xml", "PHN2Zy8+")), "Unsupported MIME type: image/svg+xml"],
  [
    "bytes that are no image",
    parts(image("image/png", "AAAAAAAA")),
    "Unable to process input image. Please retry or report in https://developers.generativeai.google/guide/troubleshooting",
  ],
  [
    "too many images",
    { model: "gemini-2.5-flash-image", ...parts(...Array.from({ length: 4 }, () => image("image/png"))) },
    "Please use fewer than 4 images in your request to models/gemini-2.5-flash-image",
  ],
  [
    "a temperature above 2",
    config({ temperature: 2.5 }),
    `${bullet}generation_config.temperature: temperature must be in the range [0.0, 2.0]\n`,
  ],
  [
    "more input than a model reads",
    { model: "gemini-2.5-flash-image", prompt: "word ".repeat(30_000) },
    "The input token count (37500) exceeds the maximum number of tokens allowed (32768).",
  ],
]

for (const [title, question, message, code = 400] of refusals) {
  test(`${title} is refused in Google's words`, async () => {
    const response = await ask(emulator, question)
    const error = await errorOf(response)
    assert.equal(error.message, message)
    assert.equal(response.status, code)
    assert.equal(error.status, code === 500 ? "INTERNAL" : "INVALID_ARGUMENT")
  })
}

test("violations of the shape are listed one by one, with their fields", async () => {
  const error = await errorOf(
    await ask(emulator, { body: { foo: 1, generationConfig: { bar: 2, seed: true } } }),
  )
  assert.deepEqual(error.details, [
    {
      "@type": "type.googleapis.com/google.rpc.BadRequest",
      fieldViolations: [
        { description: 'Invalid JSON payload received. Unknown name "foo": Cannot find field.' },
        {
          field: "generation_config",
          description: `Invalid JSON payload received. Unknown name "bar" at 'generation_config': Cannot find field.`,
        },
        {
          field: "generation_config.seed",
          description: "Invalid value at 'generation_config.seed' (TYPE_INT32), true",
        },
      ],
    },
  ])
})

test("a request above the size limit is refused, and the client sees why", async () => {
  await using small = await startEmulator({ latencyMs: 0, maxRequestBytes: 100_000 })
  const response = await ask(small, { prompt: "x".repeat(2_000_000) })
  assert.equal(response.status, 400)
  assert.equal((await errorOf(response)).message, "Request payload size exceeds the limit: 100000 bytes.")
})

test("snake_case, single values for lists, image/jpg and lower-case modalities are understood", async () => {
  const body = {
    contents: { parts: [{ text: "a" }, { inline_data: { mime_type: "image/jpg", data: pixel } }] },
    generation_config: {
      response_modalities: "Image",
      response_format: {
        image: { aspect_ratio: "ASPECT_RATIO_SIXTEEN_BY_NINE", image_size: "IMAGE_SIZE_ONE_K" },
      },
    },
  }
  assert.equal((await ask(emulator, { body })).status, 200)
})

const keyRefusals: [
  title: string,
  headers: Record<string, string>,
  query: string,
  code: number,
  message: RegExp,
][] = [
  ["no key", {}, "", 403, /^Method doesn't allow unregistered callers/],
  ["a bad key", { "x-goog-api-key": "bad" }, "", 400, /^API key not valid\. Please pass a valid API key\.$/],
  ["an empty key", {}, "?key=", 400, /^API key not valid/],
  ["an expired key", {}, "?key=expired", 400, /^API key expired\. Please renew the API key\.$/],
  ["a leaked key", { authorization: "Bearer leaked" }, "", 403, /^Your API key was reported as leaked/],
]
for (const [title, headers, query, code, message] of keyRefusals) {
  test(`${title} is refused`, async () => {
    const response = await fetch(`${emulator.url}/v1beta/models${query}`, { headers })
    assert.equal(response.status, code)
    const error = await errorOf(response)
    assert.match(error.message, message)
    if (code === 400) assert.equal(error.details?.[0]?.["reason"], "API_KEY_INVALID")
  })
}

test("any other key works, by header, query or bearer token", async () => {
  for (const [headers, query] of [
    [{ "x-goog-api-key": "k" }, ""],
    [{}, "?key=k"],
    [{ authorization: "Bearer k" }, ""],
  ] as const) {
    assert.equal((await fetch(`${emulator.url}/v1/models${query}`, { headers })).status, 200)
  }
})

test("retired and unknown models answer with their own 404, Imagen's predict too", async () => {
  const retired = await errorOf(await ask(emulator, { model: "gemini-2.5-flash-image-preview" }))
  assert.equal(
    retired.message,
    "This model models/gemini-2.5-flash-image-preview is no longer available. Please update your code to use a newer model for the latest features and improvements.",
  )
  const unknown = await errorOf(
    await ask(emulator, { model: "gemini-2.0-flash-preview-image-generation", version: "v1" }),
  )
  assert.equal(
    unknown.message,
    "models/gemini-2.0-flash-preview-image-generation is not found for API version v1, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.",
  )
  const imagen = await ask(emulator, { model: "imagen-4.0-generate-001", method: "predict", body: "{}" })
  assert.equal(imagen.status, 404)
  assert.match((await errorOf(imagen)).message, /is not supported for predict/)
})
