import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import { Problem } from "@kiln/contract"

import { startTrialApi, type Sent, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
before(async () => {
  api = await startTrialApi()
})
after(() => api[Symbol.asyncDispose]())

type Expected = { status: number; code: string; pointers?: string[] }

async function refused(path: string, sent: Sent, { status, code, pointers = [] }: Expected) {
  const answer = await api.send(path, sent)
  assert.equal(answer.headers.get("content-type"), "application/problem+json")
  const problem = Problem.parse(answer.body)
  assert.deepEqual(
    { status: answer.status, code: problem.code, pointers: problem.errors.map(({ pointer }) => pointer) },
    { status, code, pointers },
  )
  assert.equal(problem.status, status)
  assert.equal(problem.request_id, answer.headers.get("x-request-id"))
  return { ...answer, problem }
}

async function isRefused(path: string, sent: Sent, expected: Expected): Promise<void> {
  await refused(path, sent, expected)
}

const refusedGeneration = (body: unknown, expected: Expected) =>
  refused("/v1/generations", { body }, expected)
const generation = (body: unknown, expected: Expected) => isRefused("/v1/generations", { body }, expected)
const invalid = (...pointers: string[]) => ({ status: 400, code: "invalid_request", pointers })
const prompt = "a red mug"

test("a body without a prompt is refused", async () => {
  const { problem } = await refusedGeneration({}, invalid("/prompt"))
  const detail = "is required, or a `template` with its `variables`"
  assert.deepEqual(problem.errors, [{ pointer: "/prompt", code: "required", detail }])
})

test("no body at all is refused", () => isRefused("/v1/generations", { method: "POST" }, invalid("")))

test("a prompt of 32 001 characters is refused, one of 32 000 is not", async () => {
  await generation({ prompt: "x".repeat(32_001) }, invalid("/prompt"))
  assert.equal((await api.send("/v1/generations", { body: { prompt: "x".repeat(32_000) } })).status, 202)
})

test("a blank prompt is refused", () => generation({ prompt: " \n" }, invalid("/prompt")))

test("an unknown field is refused by its name", () =>
  generation({ prompt, "a/b~c": 1 }, { status: 400, code: "unknown_field", pointers: ["/a~1b~0c"] }))

test("an unknown field beside another mistake is an invalid request that names both", () =>
  generation({ prompt: "", colour: "red" }, invalid("/prompt", "/colour")))

test("99 images are refused", async () => {
  const { problem } = await refusedGeneration({ prompt, n: 99 }, invalid("/n"))
  assert.equal(problem.errors[0]?.detail, "must be at most 8")
})

test("a ratio and a size that the model lacks are refused together", () =>
  generation(
    { prompt, model: "gemini-3-pro-image", aspect_ratio: "1:8", image_size: "512" },
    invalid("/aspect_ratio", "/image_size"),
  ))

test("a size in the wrong case is refused", async () => {
  const { problem } = await refusedGeneration({ prompt, image_size: "1k" }, invalid("/image_size"))
  assert.equal(problem.errors[0]?.detail, "must be one of 512, 1K, 2K, 4K")
})

test("an unknown model is refused", () => generation({ prompt, model: "dall-e" }, invalid("/model")))

test("a metadata value that is no text is refused by its own pointer", () =>
  generation({ prompt, metadata: { sku: 7 } }, invalid("/metadata/sku")))

test("broken JSON is refused without telling where it broke", async () => {
  const { text } = await refused("/v1/generations", { body: '{"prompt": "secret' }, invalid(""))
  assert.doesNotMatch(text, /position|secret/)
})

for (const body of ["[]", '"words"', "null"]) {
  test(`the body ${body} is refused`, () => isRefused("/v1/generations", { body }, invalid("")))
}

test("another content type is refused", () =>
  isRefused(
    "/v1/generations",
    { body: "prompt=x", headers: { "content-type": "application/x-www-form-urlencoded" } },
    { status: 415, code: "unsupported_media_type" },
  ))

test("a charset and an encoding that are not known are refused", async () => {
  const expected = { status: 415, code: "unsupported_media_type" }
  const body = JSON.stringify({ prompt })
  await isRefused(
    "/v1/generations",
    { body, headers: { "content-type": "application/json; charset=latin1" } },
    expected,
  )
  await isRefused("/v1/generations", { body, headers: { "content-encoding": "zstd-x" } }, expected)
})

test("a body over 25 MB is refused", () =>
  generation({ prompt: "x".repeat(25 * 1024 * 1024) }, { status: 413, code: "payload_too_large" }))

test("no key, a wrong key and an expired key are refused", async () => {
  const expired = await api.makeKey("acme", ["jobs:read"], new Date(Date.now() - 1_000))
  for (const key of [null, "kiln_sk_wrong", expired]) {
    const { headers } = await refused("/v1/jobs", { key }, { status: 401, code: "unauthorized" })
    assert.match(headers.get("www-authenticate") ?? "", /^Bearer/)
    assert.match(headers.get("ratelimit") ?? "", /^"failures";r=\d+;t=\d+$/)
  }
})

test("a key without the scope is refused", async () => {
  const key = await api.makeKey("acme", ["jobs:read"])
  await isRefused("/v1/generations", { key, body: { prompt } }, { status: 403, code: "forbidden" })
  assert.equal((await api.send("/v1/jobs", { key })).status, 200)
})

test("another tenant's job does not exist, whatever is asked of it", async () => {
  const { body: job } = await api.send("/v1/generations", { body: { prompt } })
  const key = await api.makeKey("globex", ["jobs:read", "jobs:write", "admin"])
  const path = `/v1/jobs/${job.id}`
  const expected = { status: 404, code: "not_found" }
  for (const part of ["", "/events", "/outputs/0"]) await isRefused(path + part, { key }, expected)
  for (const part of ["/cancel", "/retry"]) await isRefused(path + part, { key, method: "POST" }, expected)
  await isRefused(path, { key, method: "DELETE" }, expected)
  assert.equal((await api.send(path)).status, 200)
})

test("an id that is none is refused, one that was never made is not found", async () => {
  await isRefused("/v1/jobs/123", {}, invalid("/id"))
  const unused = `job_${(Date.now() - 1_000).toString(16).padStart(12, "0")}70008000000000000000`
  await isRefused(`/v1/jobs/${unused}`, {}, { status: 404, code: "not_found" })
})

test("a job from before the retention time is gone, not unknown", () =>
  isRefused(`/v1/jobs/job_0123456789ab70008000000000000000`, {}, { status: 410, code: "job_expired" }))

test("an unknown page, an unknown method and a broken path are refused", async () => {
  await isRefused("/nowhere", { key: null }, { status: 404, code: "not_found" })
  await isRefused("/v1/nowhere", {}, { status: 404, code: "not_found" })
  await isRefused("/v1/jobs", { method: "PATCH" }, { status: 404, code: "not_found" })
  await isRefused("/v1/jobs/%zz", {}, { status: 400, code: "invalid_request" })
})

test("an unknown query parameter and a wrong one are refused", async () => {
  await isRefused("/v1/jobs?colour=red", {}, { status: 400, code: "unknown_field", pointers: ["/colour"] })
  await isRefused("/v1/jobs?limit=0", {}, invalid("/limit"))
  await isRefused("/v1/jobs?limit=1&limit=2", {}, invalid("/limit"))
})

test("what costs more than allowed is refused before it is made", () =>
  generation(
    { prompt, max_cost_usd: 0.0001 },
    { status: 402, code: "budget_exceeded", pointers: ["/max_cost_usd"] },
  ))

test("a deadline that header and body disagree on is refused", () =>
  isRefused(
    "/v1/generations",
    { body: { prompt, deadline_seconds: 60 }, headers: { "cancel-after": "2m" } },
    invalid("/deadline_seconds"),
  ))

test("a body where none belongs is refused, an empty object is not", async () => {
  const { body: job } = await api.send("/v1/generations", { body: { prompt } })
  const path = `/v1/jobs/${job.id}/cancel`
  await isRefused(
    path,
    { body: { force: true } },
    { status: 400, code: "unknown_field", pointers: ["/force"] },
  )
  assert.equal((await api.send(path, { body: {} })).status, 200)
})

test("a caller's own request id is kept when it is sane", async () => {
  const kept = await api.send("/v1/jobs", { headers: { "x-request-id": "my-1.a_b" } })
  assert.equal(kept.headers.get("x-request-id"), "my-1.a_b")
  const made = await api.send("/v1/jobs", { headers: { "x-request-id": "a b" } })
  assert.match(made.headers.get("x-request-id") ?? "", /^req_[0-9a-f]{32}$/)
})

test("requests beyond the quota wait for the next minute", async () => {
  await using small = await startTrialApi({ requestsPerMinute: 2 })
  const answers = await Promise.all([1, 2, 3].map(() => small.send("/v1/jobs")))
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 200, 429],
  )
  const late = answers.find(({ status }) => status === 429)
  assert.match(late?.headers.get("retry-after") ?? "", /^\d+$/)
  assert.equal(late?.headers.get("ratelimit-policy"), '"default";q=2;w=60')
  assert.match(late?.headers.get("ratelimit") ?? "", /^"default";r=0;t=\d+$/)
})

test("while Redis is away requests are refused, and nothing of it is told", async () => {
  await using lonely = await startTrialApi()
  assert.equal((await lonely.send("/v1/jobs")).status, 200)
  lonely.redis.disconnect()
  const { status, headers, body } = await lonely.send("/v1/jobs")
  assert.deepEqual({ status, code: body.code }, { status: 503, code: "unavailable" })
  assert.match(headers.get("retry-after") ?? "", /^\d+$/)
})
