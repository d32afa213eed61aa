import assert from "node:assert/strict"
import test from "node:test"

import type { JobFailure } from "@kiln/contract"

import { paintRequest } from "./testing/paint-request.ts"
import { answer, createScriptedUpstream, type Script } from "./testing/scripted-upstream.ts"

/** The failure of a paint that is answered so; whatever it is, no file is left. */
async function failureOf(script: Script): Promise<JobFailure> {
  await using upstream = await createScriptedUpstream(script)
  const failure = await upstream.paint().then(
    () => assert.fail("an image was painted"),
    (error: JobFailure) => error,
  )
  assert.equal(failure.name, "JobFailure", String(failure))
  assert.deepEqual(await upstream.files(), [])
  return failure
}

const usageMetadata = { promptTokenCount: 6, candidatesTokenCount: 4, thoughtsTokenCount: 2 }
const tokens = { input: 6, output: 6, image: 0 }
const ended = (finishReason: string | null, candidate = {}) =>
  answer(200, { candidates: [{ finishReason, index: 0, ...candidate }], usageMetadata })

const reasons = {
  content_blocked: [
    ["SAFETY", "no"],
    ["BLOCKLIST", "no"],
    ["PROHIBITED_CONTENT", "no"],
    ["SPII", "no"],
    ["RECITATION", "no"],
    ["IMAGE_SAFETY", "no"],
    ["IMAGE_PROHIBITED_CONTENT", "no"],
    ["IMAGE_RECITATION", "no"],
  ],
  no_image: [
    ["NO_IMAGE", "yes"],
    ["OTHER", "yes"],
    ["IMAGE_OTHER", "no"],
    ["STOP", "yes"],
    ["FINISH_REASON_UNSPECIFIED", "yes"],
    ["CONTINUATION", "yes"],
    ["ADDED_NEXT_YEAR", "yes"],
    ["constructor", "yes"],
  ],
  invalid_request: [
    ["MAX_TOKENS", "yes"],
    ["LANGUAGE", "yes"],
    ["MISSING_THOUGHT_SIGNATURE", "yes"],
  ],
  upstream_error: [
    ["MALFORMED_FUNCTION_CALL", "yes"],
    ["MALFORMED_RESPONSE", "yes"],
    ["UNEXPECTED_TOOL_CALL", "yes"],
    ["TOO_MANY_TOOL_CALLS", "yes"],
  ],
} as const

for (const [code, rows] of Object.entries(reasons)) {
  for (const [finishReason, charged] of rows) {
    test(`the finish reason ${finishReason} without an image is ${code}, charged ${charged}`, async () => {
      const failure = await failureOf(ended(finishReason, { finishMessage: "Sorry." }))
      assert.equal(failure.code, code)
      assert.equal(failure.charged, charged)
      assert.deepEqual(failure.tokens, charged === "yes" ? tokens : undefined)
      assert.deepEqual(failure.upstream, {
        status: 200,
        finish_reason: finishReason,
        block_reason: undefined,
        message: "Sorry.",
      })
    })
  }
}

test("an image beside a blocking reason is not taken, nor a thought beside a failing one", async () => {
  const parts = [{ inlineData: { data: "QUJD" } }]
  assert.equal((await failureOf(ended("IMAGE_SAFETY", { content: { parts } }))).code, "content_blocked")
  const thoughts = [{ inlineData: { data: "QUJD" }, thought: true }]
  assert.equal((await failureOf(ended("NO_IMAGE", { content: { parts: thoughts } }))).code, "no_image")
})

test("every reason to block a prompt is content_blocked and not charged", async () => {
  const blockReasons = [
    "BLOCK_REASON_UNSPECIFIED",
    "SAFETY",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "IMAGE_SAFETY",
  ]
  for (const blockReason of [...blockReasons, "ADDED_NEXT_YEAR"]) {
    const failure = await failureOf(answer(200, { promptFeedback: { blockReason }, usageMetadata }))
    assert.equal(failure.code, "content_blocked")
    assert.equal(failure.charged, "no")
    assert.equal(failure.upstream?.block_reason, blockReason)
  }
})

test("text instead of an image is text_only, with what the model said", async () => {
  const content = { parts: [{ text: "hm", thought: true }, { text: "I cannot draw that." }] }
  const failure = await failureOf(ended("STOP", { content }))
  assert.equal(failure.code, "text_only")
  assert.equal(failure.charged, "yes")
  assert.deepEqual(failure.tokens, tokens)
  assert.equal(failure.upstream?.message, "I cannot draw that.")
})

test("every form of an empty answer is no_image", async () => {
  const contents = [
    undefined,
    null,
    {},
    { role: "model" },
    { parts: null },
    { parts: [] },
    { parts: [{ text: "" }] },
  ]
  for (const content of [...contents, { parts: [{ text: "only a thought", thought: true }] }]) {
    assert.equal((await failureOf(ended("STOP", { content }))).code, "no_image", JSON.stringify(content))
  }
  assert.equal((await failureOf(ended(null))).code, "no_image")
  for (const candidates of [[], null, undefined]) {
    const failure = await failureOf(answer(200, { candidates, usageMetadata }))
    assert.equal(failure.code, "no_image")
    assert.equal(failure.charged, "yes")
  }
})

test("without token counts it is not known whether an empty answer is charged", async () => {
  for (const body of [{}, { candidates: [] }, [{}]]) {
    const failure = await failureOf(answer(200, body))
    assert.equal(failure.code, "no_image")
    assert.equal(failure.charged, "unknown")
  }
})

test("an image whose base64 is damaged is an upstream_error that was charged", async () => {
  for (const data of ["QUJDQ", "QU*D", ""]) {
    const failure = await failureOf(ended("STOP", { content: { parts: [{ inlineData: { data } }] } }))
    assert.equal(failure.code, "upstream_error")
    assert.equal(failure.charged, "yes")
    assert.deepEqual(failure.tokens, tokens)
  }
})

const cut = '{"candidates":[{"content":{"parts":[{"inlineData":{"data":"QUJDQUJD'
const unreadable: Record<string, Script> = {
  HTML: answer(200, "<html><body>Welcome to the hotel's wifi</body></html>"),
  "an empty body": answer(200, ""),
  "JSON that is cut in an image": answer(200, cut),
  "JSON that is cut after an image": answer(200, `${cut}"}}`),
  "JSON that is no object": answer(200, "42"),
  "an empty array": answer(200, []),
  "another content encoding": answer(200, {}, { "content-encoding": "compress" }),
  "a broken content encoding": answer(200, cut, { "content-encoding": "gzip" }),
}
for (const [name, script] of Object.entries(unreadable)) {
  test(`${name} with status 200 is an upstream_error that may be charged`, async () => {
    const failure = await failureOf(script)
    assert.equal(failure.code, "upstream_error")
    assert.equal(failure.charged, "unknown")
  })
}

test("an answer over its limit is an upstream_error, and the rest of it is not read", async () => {
  const closed = Promise.withResolvers<void>()
  const script: Script = (response) => {
    response.on("close", () => closed.resolve())
    response.write(cut)
    const more = () => {
      while (!response.destroyed && response.write("QUJD".repeat(4_096)));
    }
    response.on("drain", more)
    more()
  }
  await using upstream = await createScriptedUpstream(script, { maxReplyBytes: 1_000_000 })
  await assert.rejects(upstream.paint(), {
    code: "upstream_error",
    charged: "unknown",
    message: /1000000 bytes/,
  })
  assert.deepEqual(await upstream.files(), [])
  await closed.promise
})

test("an error in the midst of an answer is what its own code says", async () => {
  const cases = [
    [{ error: { code: 503, message: "overloaded", status: "UNAVAILABLE" } }, "upstream_overloaded", "no"],
    [{ error: { status: "RESOURCE_EXHAUSTED" } }, "upstream_quota_exhausted", "no"],
    [{ error: "Something broke" }, "upstream_error", "no"],
    [{ error: { code: 13, status: "INTERNAL" } }, "upstream_error", "no"],
    [[{ candidates: [], usageMetadata }, { error: { code: 504 } }], "upstream_timeout", "unknown"],
  ] as const
  for (const [body, code, charged] of cases) {
    const failure = await failureOf(answer(200, body))
    assert.equal(failure.code, code)
    assert.equal(failure.charged, charged)
  }
})

test("a disk that cannot be written is a storage_error that may be charged", async () => {
  await using upstream = await createScriptedUpstream(answer(200, cut))
  const target = `${upstream.target}/missing/image`
  const failed = upstream.gemini.paint(paintRequest(), { target, signal: new AbortController().signal })
  await assert.rejects(failed, { code: "storage_error", charged: "unknown" })
})
