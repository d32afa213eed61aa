import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { after, test } from "node:test"

import sharp from "sharp"

import type { Candidate } from "./generate/answer.ts"
import { scenarios } from "./scenarios/scenarios.ts"
import { startEmulator } from "./start-emulator.ts"
import { answerOf, ask, errorOf, imageOf } from "./test-client.ts"

const emulator = await startEmulator({ latencyMs: 0 })
after(() => emulator[Symbol.asyncDispose]())

const play = (scenario: string) => ask(emulator, { prompt: `a cat [[${scenario}]]` })
const candidateOf = async (scenario: string): Promise<Candidate | undefined> =>
  (await answerOf(await play(scenario))).candidates?.[0]
const partsOf = async (scenario: string) => (await candidateOf(scenario))?.content?.parts ?? []

const finishes: [
  scenario: string,
  finishReason: string,
  content: unknown,
  finishMessage: RegExp | undefined,
][] = [
  ["no_image", "NO_IMAGE", undefined, undefined],
  ["image_safety", "IMAGE_SAFETY", {}, /violated Google's \[Generative AI Prohibited Use policy\]/],
  ["image_prohibited_content", "IMAGE_PROHIBITED_CONTENT", { role: "model" }, /Support code: 11030041\.$/],
  ["image_other", "IMAGE_OTHER", undefined, /could not generate the image based on the prompt/],
  ["image_recitation", "IMAGE_RECITATION", undefined, /protected/],
  ["safety", "SAFETY", undefined, undefined],
  ["recitation", "RECITATION", undefined, undefined],
  ["other", "OTHER", undefined, undefined],
  ["language", "LANGUAGE", undefined, undefined],
  ["blocklist", "BLOCKLIST", undefined, undefined],
  ["prohibited_content", "PROHIBITED_CONTENT", undefined, undefined],
  ["spii", "SPII", undefined, undefined],
  ["max_tokens", "MAX_TOKENS", { role: "model" }, undefined],
  ["malformed_response", "MALFORMED_RESPONSE", undefined, undefined],
  ["unknown_reason", "IMAGE_REASON_OF_TOMORROW", undefined, undefined],
  ["empty_content", "STOP", { role: "model" }, undefined],
  ["parts_null", "STOP", { role: "model", parts: null }, undefined],
]
for (const [scenario, finishReason, content, finishMessage] of finishes) {
  test(`${scenario} is a 200 that finishes with ${finishReason} and no image`, async () => {
    const candidate = await candidateOf(scenario)
    assert.equal(candidate?.finishReason, finishReason)
    assert.deepEqual(candidate?.content, content)
    if (finishMessage === undefined) assert.equal(candidate?.finishMessage, undefined)
    else assert.match(candidate?.finishMessage ?? "", finishMessage)
  })
}

const errors: [scenario: string, code: number, status: string | undefined, message: RegExp][] = [
  ["429_prepay", 429, "RESOURCE_EXHAUSTED", /^Your prepayment credits are depleted/],
  ["429_bare", 429, "RESOURCE_EXHAUSTED", /^Resource has been exhausted \(e\.g\. check quota\)\.$/],
  ["500", 500, "INTERNAL", /^An internal error has occurred/],
  ["503", 503, "UNAVAILABLE", /^The model is overloaded\. Please try again later\.$/],
  ["504", 504, "DEADLINE_EXCEEDED", /^Deadline expired before operation could complete\.$/],
  ["401", 401, "UNAUTHENTICATED", /^Request had invalid authentication credentials/],
  ["402", 402, undefined, /prepaid credits/],
  [
    "403_blocked",
    403,
    "PERMISSION_DENIED",
    /method google\.ai\.generativelanguage\.v1beta\.GenerativeService\.GenerateContent are blocked/,
  ],
  ["403_leaked", 403, "PERMISSION_DENIED", /reported as leaked/],
  ["404_gone", 404, "NOT_FOUND", /^This model models\/gemini-nano-banana-2\.1 is no longer available/],
  ["location", 400, "FAILED_PRECONDITION", /^User location is not supported for the API use\.$/],
  ["mid_stream_error", 503, "UNAVAILABLE", /overloaded/],
]
for (const [scenario, code, status, message] of errors) {
  test(`${scenario} is a ${code} in Google's envelope`, async () => {
    const response = await play(scenario)
    const error = await errorOf(response)
    assert.deepEqual([response.status, error.code, error.status], [code, code, status])
    assert.match(error.message, message)
  })
}

test("429_minute carries the quota, the wait in the message and the wait as a duration", async () => {
  const { message, details } = await errorOf(await play("429_minute:12.5"))
  assert.match(
    message,
    /\n\* Quota exceeded for metric: generativelanguage\.googleapis\.com\/generate_requests_per_model, limit: 20, model: gemini-nano-banana-2\.1\nPlease retry in 12\.5s\.$/,
  )
  assert.deepEqual(details, [
    {
      "@type": "type.googleapis.com/google.rpc.Help",
      links: [
        {
          description: "Learn more about Gemini API quotas",
          url: "https://ai.google.dev/gemini-api/docs/rate-limits",
        },
      ],
    },
    {
      "@type": "type.googleapis.com/google.rpc.QuotaFailure",
      violations: [
        {
          quotaMetric: "generativelanguage.googleapis.com/generate_requests_per_model",
          quotaId: "GenerateRequestsPerMinutePerProjectPerModel",
          quotaDimensions: { location: "global", model: "gemini-nano-banana-2.1" },
          quotaValue: "20",
        },
      ],
    },
    { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "12.5s" },
  ])
})

test("429_day has a daily quotaId and yet a short retryDelay; 429_zero has limits of 0", async () => {
  const day = JSON.stringify(await errorOf(await play("429_day")))
  assert.match(day, /"quotaId":"GenerateRequestsPerDayPerProjectPerModel".*"retryDelay":"34\.4s"/)
  const zero = await errorOf(await play("429_zero"))
  assert.match(zero.message, /generate_content_free_tier_requests, limit: 0, model: gemini-nano-banana-2\.1/)
  assert.match(JSON.stringify(zero.details), /"GenerateRequestsPerDayPerProjectPerModel-FreeTier"/)
})

const statusesOf = async (scenario: string, key: string) => {
  const seen: number[] = []
  for (let n = 0; n < 3; n++) seen.push((await ask(emulator, { key, prompt: `dog [[${scenario}]]` })).status)
  return seen
}

for (const [scenario, code] of [
  ["500_times:2", 500],
  ["503_times:2", 503],
] as const) {
  test(`${scenario} fails twice for each prompt and key, then answers`, async () => {
    assert.deepEqual(await statusesOf(scenario, "key-a"), [code, code, 200])
    assert.deepEqual(await statusesOf(scenario, "key-b"), [code, code, 200])
  })
}

test("text_refusal is a text and a STOP", async () => {
  const candidate = await candidateOf("text_refusal")
  assert.equal(candidate?.finishReason, "STOP")
  assert.match(candidate?.content?.parts?.[0]?.text ?? "", /^I'm sorry, I can't create that image/)
  assert.equal(candidate?.content?.parts?.length, 1)
})

test("prompt_block has a reason, prompt tokens only, and no candidates", async () => {
  const answer = await answerOf(await play("prompt_block:IMAGE_SAFETY"))
  assert.deepEqual(answer.promptFeedback, { blockReason: "IMAGE_SAFETY" })
  assert.equal(answer.candidates, undefined)
  assert.equal(answer.usageMetadata?.totalTokenCount, answer.usageMetadata?.promptTokenCount)
  const standard = await answerOf(await play("prompt_block"))
  assert.equal(standard.promptFeedback?.blockReason, "PROHIBITED_CONTENT")
})

test("empty_candidates is an empty list, no_candidates is none", async () => {
  assert.deepEqual((await answerOf(await play("empty_candidates"))).candidates, [])
  const none = await answerOf(await play("no_candidates"))
  assert.deepEqual([none.candidates, typeof none.usageMetadata], [undefined, "object"])
})

test("thought_only has its one image in a thought", async () => {
  const images = (await partsOf("thought_only")).filter((part) => part.inlineData !== undefined)
  assert.deepEqual(
    images.map((part) => part.thought),
    [true],
  )
})

test("two_images has two different images, image_then_text an image first", async () => {
  const [first, second] = await partsOf("two_images")
  assert.ok(first?.inlineData !== undefined && second?.inlineData !== undefined)
  assert.notEqual(first.inlineData.data, second.inlineData.data)
  const order = (await partsOf("image_then_text")).map((part) => Object.keys(part)[0])
  assert.deepEqual(order, ["inlineData", "text"])
})

test("damaged images: half a file, no base64, another type than said, another ratio than asked", async () => {
  const [half] = await partsOf("truncated_base64")
  assert.notEqual((half?.inlineData?.data.length ?? 0) % 4, 0)
  await assert.rejects(
    sharp(Buffer.from(half?.inlineData?.data ?? "", "base64"))
      .raw()
      .toBuffer(),
  )
  const [bad] = await partsOf("bad_base64")
  assert.match(bad?.inlineData?.data ?? "", /^\*\*\* not base64/)
  const [mislabelled] = await partsOf("wrong_mime")
  assert.equal(mislabelled?.inlineData?.mimeType, "image/png")
  assert.match(mislabelled.inlineData.data, /^\/9j\//)
  const { width, height } = await sharp(imageOf(await answerOf(await play("wrong_ratio")))).metadata()
  assert.deepEqual([width, height], [1200, 896])
})

test("noise makes a large file", async () => {
  const plain = imageOf(await answerOf(await ask(emulator, { prompt: "a cat" })))
  const noisy = imageOf(await answerOf(await play("noise")))
  assert.ok(noisy.length > 8 * plain.length, `${noisy.length} bytes against ${plain.length}`)
})

test("huge_text is as long as asked for, before an image", async () => {
  const [text, image] = await partsOf("huge_text:64")
  assert.equal(text?.text?.length, 64 * 1024)
  assert.ok(image?.inlineData !== undefined)
})

test("truncated_json is a complete transfer of half a JSON, empty_body of nothing", async () => {
  const half = await play("truncated_json")
  const text = await half.text()
  assert.equal(Number(half.headers.get("content-length")), text.length)
  assert.throws(() => JSON.parse(text), SyntaxError)
  const empty = await play("empty_body")
  assert.deepEqual([empty.status, await empty.text()], [200, ""])
})

test("snake_case and escaped write the same answer otherwise", async () => {
  assert.match(await (await play("snake_case")).text(), /"inline_data": \{\s+"mime_type": "image\/jpeg"/)
  const escaped = await (await play("escaped")).text()
  assert.match(escaped, /"data": "\\\/9j\\\/[^"]*"/)
  const part = (
    JSON.parse(escaped) as Awaited<ReturnType<typeof answerOf>>
  ).candidates?.[0]?.content?.parts?.at(-1)
  assert.match(part?.inlineData?.data ?? "", /^\/9j\//)
})

test("html_502 and html_413 are pages, not JSON", async () => {
  for (const code of [502, 413]) {
    const response = await play(`html_${code}`)
    assert.equal(response.status, code)
    assert.match(response.headers.get("content-type") ?? "", /^text\/html/)
    assert.match(await response.text(), /^<!DOCTYPE html>/)
  }
})

test("cut ends the connection without an answer, cut_body within one", async () => {
  await assert.rejects(play("cut"), { name: "TypeError" })
  const response = await play("cut_body")
  assert.equal(response.status, 200)
  await assert.rejects(response.text(), { name: "TypeError" })
  const stream = await ask(emulator, {
    prompt: "[[cut_body]]",
    method: "streamGenerateContent",
    query: "?alt=sse",
  })
  await assert.rejects(stream.text(), { name: "TypeError" })
})

test("mid_stream_error ends a stream with an error chunk", async () => {
  const response = await ask(emulator, {
    prompt: "[[mid_stream_error]]",
    method: "streamGenerateContent",
    query: "?alt=sse",
  })
  const frames = (await response.text()).trim().split("\r\n\r\n")
  assert.ok(frames.length > 1)
  assert.match(frames.at(-1) ?? "", /^data: \{"error":\{"code":503,/)
})

test("a client that leaves is noticed: the call is recorded as 499", async () => {
  const gone = new AbortController()
  const asking = ask(emulator, { key: "leaving-9999", prompt: "[[hang]]", signal: gone.signal })
  const callOf = () => emulator.calls.find((call) => call.key === "9999")
  while (callOf()?.scenario !== "hang") await new Promise(setImmediate)
  gone.abort()
  await assert.rejects(asking, { name: "AbortError" })
  while (callOf()?.status === 0) await new Promise(setImmediate)
  assert.equal(callOf()?.status, 499)
})

test("slow answers late, and no later than the client stays", async () => {
  const started = await ask(emulator, { prompt: "[[slow:0]]" })
  assert.equal(started.status, 200)
  await assert.rejects(ask(emulator, { prompt: "[[slow:600]]", signal: AbortSignal.timeout(50) }))
})

test("a header chooses scenarios as well, on every route; unknown names are refused there and prose in prompts", async () => {
  const headers = { "x-emulator-scenario": "503" }
  assert.equal((await ask(emulator, { headers })).status, 503)
  const models = await fetch(`${emulator.url}/v1beta/models`, {
    headers: { ...headers, "x-goog-api-key": "k" },
  })
  assert.equal(models.status, 503)
  const unknown = await ask(emulator, { headers: { "x-emulator-scenario": "nonsense" } })
  assert.match((await errorOf(unknown)).message, /no scenario named "nonsense"/)
  assert.equal((await ask(emulator, { prompt: "a sign that says [[open]]" })).status, 200)
})

test("scenarios and calls can be read, and calls forgotten, without a key", async () => {
  const listed = (await (await fetch(`${emulator.url}/emulator/scenarios`)).json()) as {
    scenarios: { name: string; description: string }[]
  }
  assert.deepEqual(
    listed.scenarios.map(({ name }) => name),
    scenarios.map(({ name }) => name),
  )
  await using other = await startEmulator({ latencyMs: 0 })
  await ask(other, { key: "secret-key-abcd", prompt: "[[no_image]]" })
  const { calls } = (await (await fetch(`${other.url}/emulator/calls`)).json()) as {
    calls: Record<string, unknown>[]
  }
  assert.deepEqual(
    { ...calls[0], at: "", durationMs: 0 },
    {
      at: "",
      method: "POST",
      path: "/v1beta/models/gemini-nano-banana-2.1:generateContent",
      model: "gemini-nano-banana-2.1",
      key: "abcd",
      status: 200,
      scenario: "no_image",
      durationMs: 0,
      contents: [{ role: "user", parts: [{ kind: "text", sha256: null, signatureBytes: 0 }] }],
    },
  )
  await fetch(`${other.url}/emulator/reset`, { method: "POST" })
  assert.equal(other.calls.length, 0)
})

test("the documentation lists every scenario in the words of the code", async () => {
  const page = await readFile(new URL("../../../docs/emulator.md", import.meta.url), "utf8")
  for (const { name, argument = "", description } of scenarios) {
    const cells = page.match(new RegExp(String.raw`^\| \`${name}\` +\|(.*)\|(.*)\|$`, "m"))
    assert.deepEqual([cells?.[1]?.trim(), cells?.[2]?.trim()], [argument, description], name)
  }
})
