import assert from "node:assert/strict"
import test from "node:test"

import type { JobFailure } from "@kiln/contract"

import { answer, createScriptedUpstream, type Script } from "./testing/scripted-upstream.ts"

async function failureOf(script: Script): Promise<JobFailure> {
  await using upstream = await createScriptedUpstream(script)
  const failure = await upstream.paint().then(
    () => assert.fail("an image was painted"),
    (error: JobFailure) => error,
  )
  assert.deepEqual(await upstream.files(), [])
  return failure
}

const error = (code: number, status: string, message: string, details: unknown[] = []) =>
  answer(code, { error: { code, status, message, details } })
const reason = (name: string) => [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: name }]

const invalid = (message: string, details?: unknown[]) => error(400, "INVALID_ARGUMENT", message, details)
const denied = (message: string, details?: unknown[]) => error(403, "PERMISSION_DENIED", message, details)
const catalogue: Record<string, [string, Script][]> = {
  upstream_auth: [
    ["a key that is not valid, by its reason", invalid("Ein anderer Satz", reason("API_KEY_INVALID"))],
    ["a key that is not valid, by its message", invalid("API key not valid. Please pass a valid API key.")],
    ["an expired key", invalid("API key expired. Please renew the API key.")],
    ["a location", error(400, "FAILED_PRECONDITION", "User location is not supported for the API use.")],
    ["a 401", error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")],
    ["no key", denied("Method doesn't allow unregistered callers (callers without established identity).")],
    ["a leaked key", denied("Your API key was reported as leaked. Please use another API key.")],
    ["a blocked key", denied("Requests to this API are blocked.", reason("API_KEY_SERVICE_BLOCKED"))],
    ["a disabled API", denied("It has not been used in project 1 before", reason("SERVICE_DISABLED"))],
  ],
  upstream_billing: [
    ["a 402", error(402, "", "Payment required")],
    ["used-up credit", error(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.")],
    ["disabled billing", denied("This API requires billing", reason("BILLING_DISABLED"))],
  ],
  invalid_request: [
    ["an unknown field", invalid(`Invalid JSON payload received. Unknown name "imageConfig"`)],
    ["an invalid value", invalid("Invalid value at 'generation_config.response_format'")],
    ["missing contents", invalid("* GenerateContentRequest.contents: contents is not specified\n")],
    ["a ratio", invalid("aspect_ratio must be one of '1:1', '1:4'")],
    ["a role", invalid("Please use a valid role: user, model.")],
    ["a missing signature", invalid("Image part is missing a thought_signature in content position 2")],
    ["a large payload", invalid("Request payload size exceeds the limit: 20971520 bytes.")],
    [
      "too many tokens",
      invalid("The input token count (9) exceeds the maximum number of tokens allowed (8)."),
    ],
    ["a front end's 413", answer(413, "<html>413 Request Entity Too Large</html>")],
    ["a 400 without a body", answer(400, "")],
  ],
  input_unreadable: [
    ["a corrupt image", invalid("Unable to process input image. Please retry or report in …")],
    ["an invalid image", invalid("Provided image is not valid")],
    ["a type", invalid("Unsupported MIME type: image/svg+xml")],
    ["a file that is gone", denied("You do not have permission to access the File x or it may not exist.")],
  ],
  input_unreachable: [
    ["a file that is not ready", error(400, "FAILED_PRECONDITION", "The File X is not in an ACTIVE state")],
  ],
  model_unavailable: [
    ["an unknown model", error(404, "NOT_FOUND", "models/X is not found for API version v1beta")],
    ["a retired model", error(404, "NOT_FOUND", "This model models/x is no longer available.")],
  ],
  upstream_overloaded: [
    ["an overloaded model", error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")],
    ["an overload as gateways tell it", answer(529, '{"error":"overloaded"}')],
    ["a 503 of a front end", answer(503, "<html>Service Unavailable</html>")],
    ["a deadline with 503", error(503, "UNAVAILABLE", "Deadline expired before operation could complete.")],
    ["a 500 that says so", error(500, "INTERNAL", "The model is overloaded. Please try again later.")],
  ],
  upstream_timeout: [
    ["a 504", error(504, "DEADLINE_EXCEEDED", "The request timed out. Please try again.")],
    ["a 408", answer(408, "")],
    ["a deadline with 500", error(500, "DEADLINE_EXCEEDED", "Deadline expired")],
  ],
  upstream_error: [
    ["a 500", error(500, "INTERNAL", "An internal error has occurred. Please retry or report in https://x")],
    ["an HTML 502", answer(502, "<html>Bad Gateway</html>")],
    ["a 501", error(501, "UNIMPLEMENTED", "no")],
    ["a 499", error(499, "CANCELLED", "The operation was cancelled.")],
    ["a 409", error(409, "ABORTED", "aborted")],
    ["a redirect", answer(302, "", { location: "http://127.0.0.1:1/" })],
  ],
}

for (const [code, rows] of Object.entries(catalogue)) {
  for (const [name, script] of rows) {
    test(`${name} is ${code} and not charged`, async () => {
      const failure = await failureOf(script)
      assert.equal(failure.code, code)
      assert.equal(failure.charged, "no")
      assert.equal(typeof failure.upstream?.status, "number")
      assert.equal(failure.quota, undefined)
    })
  }
}

const violation = (quotaId: string, quotaValue: string, quotaMetric = "m") => ({
  "@type": "type.googleapis.com/google.rpc.QuotaFailure",
  violations: [{ quotaMetric, quotaId, quotaValue, quotaDimensions: { location: "global" } }],
})
const retryInfo = (retryDelay: string) => ({
  "@type": "type.googleapis.com/google.rpc.RetryInfo",
  retryDelay,
})
const exceeded = "You exceeded your current quota, please check your plan and billing details."
const quota = (details: unknown[], message = exceeded) => error(429, "RESOURCE_EXHAUSTED", message, details)

const perDay = "GenerateRequestsPerDayPerProjectPerModel"
const perMinute = "GenerateRequestsPerMinutePerProjectPerModel"
const quotas: [string, Script, string | undefined, number | undefined][] = [
  ["a day's, whatever its short delay", quota([violation(perDay, "250"), retryInfo("34.4s")]), "day", 34_400],
  [
    "a day's by its message",
    quota([], `${exceeded} metric: generate_requests_per_model_per_day, limit: 250`),
    "day",
    undefined,
  ],
  ["a minute's", quota([violation(perMinute, "20"), retryInfo("25.3s")]), "minute", 25_300],
  ["a minute's tokens", quota([violation("InputTokensPerModelPerMinute", "100")]), "minute", undefined],
  [
    "a day's before a minute's",
    quota([violation(perMinute, "20"), violation(perDay, "250")]),
    "day",
    undefined,
  ],
  ["none by its value", quota([violation(`${perDay}-FreeTier`, "0"), retryInfo("2s")]), "never", 2_000],
  ["none by its message", quota([], "Quota exceeded for metric: x, limit: 0, model: y"), "never", undefined],
  ["one with a delay in the message", quota([], "Please retry in 34.4s."), "minute", 34_400],
  [
    "one that says nothing",
    quota([], "Resource has been exhausted (e.g. check quota)."),
    undefined,
    undefined,
  ],
]
for (const [name, script, window, retryAfterMs] of quotas) {
  test(`a used-up quota: ${name}`, async () => {
    const failure = await failureOf(script)
    assert.equal(failure.code, "upstream_quota_exhausted")
    assert.equal(failure.charged, "no")
    assert.equal(failure.quota, window)
    assert.equal(failure.retryAfterMs, retryAfterMs)
  })
}

const limitOf = async (...details: unknown[]) => (await failureOf(quota(details))).quotaLimit

test("a minute's limit is told in calls, and only where it counts calls", async () => {
  const perImage = "GenerateImagesPerMinutePerProjectPerModel"
  assert.equal(await limitOf(violation(perMinute, "20"), violation(perImage, "10")), 10)
  assert.equal(await limitOf(violation("InputTokensPerModelPerMinute", "100")), undefined)
  assert.equal(await limitOf(violation(perDay, "250")), undefined)
  assert.equal(await limitOf(retryInfo("9s")), undefined)
})

test("a Retry-After header counts where the body says nothing, also with 503", async () => {
  assert.equal((await failureOf(answer(429, "", { "retry-after": "3" }))).retryAfterMs, 3_000)
  assert.equal((await failureOf(answer(503, "<html>", { "retry-after": "4" }))).retryAfterMs, 4_000)
})

test("errors in an array, as text and in snake_case are understood", async () => {
  const inner = { code: 429, status: "RESOURCE_EXHAUSTED", message: exceeded }
  const details = [{ violations: [{ quota_id: perDay, quota_value: 250 }] }, { retry_delay: "2s" }]
  const failure = await failureOf(answer(429, [{ error: { ...inner, details } }]))
  assert.equal(failure.quota, "day")
  assert.equal(failure.retryAfterMs, 2_000)
  assert.equal((await failureOf(answer(400, { error: "no such thing" }))).upstream?.message, "no such thing")
})

test("a gateway that hides a quota behind 500 is understood by the inner status", async () => {
  const body = { error: { code: 429, status: "RESOURCE_EXHAUSTED", message: exceeded } }
  assert.equal((await failureOf(answer(500, body))).code, "upstream_quota_exhausted")
})

test("an error that echoes a huge request is judged by its status", async () => {
  const failure = await failureOf(invalid(`Base64 decoding failed for "${"QUJD".repeat(200_000)}"`))
  assert.equal(failure.code, "invalid_request")
  const shorter = await failureOf(invalid(`Base64 decoding failed for "${"QUJD".repeat(200)}"`))
  assert.equal(shorter.upstream?.message, 'Base64 decoding failed for "[data]"')
})
