import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import { Job, type Model } from "@kiln/contract"

import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
before(async () => {
  api = await startTrialApi()
})
after(() => api[Symbol.asyncDispose]())

const create = (body: object) => api.send("/v1/generations", { body: { prompt: "a red mug", ...body } })
type Errors = { errors: { pointer: string; code: string }[] }
const errorsOf = (body: Errors) => body.errors.map(({ pointer, code }) => `${pointer}:${code}`)

test("a job waits with the models that may make it, and its first answer is with the one asked for", async () => {
  const { status, body } = await create({
    model: "nano-banana",
    fallback_models: ["nano-banana-pro", "nano-banana-lite"],
  })
  assert.equal(status, 202)
  const job = Job.parse(body)
  assert.deepEqual([job.model, job.requested_model], ["gemini-nano-banana-2.1", "nano-banana"])
  const record = await api.ledger.read(job.id)
  assert.equal(record?.lane, "gemini-nano-banana-2.1>gemini-3-pro-image,gemini-3.1-flash-lite-image")
})

test("fallbacks that are unknown, unable or too many are refused at their place, and nothing is made", async () => {
  const refusals = [
    [{ fallback_models: ["dall-e"] }, "/fallback_models/0:unknown_model"],
    [
      { fallback_models: ["nano-banana-pro"], aspect_ratio: "1:8" },
      "/fallback_models/0:unsupported_by_model",
    ],
    [{ fallback_models: [] }, "/fallback_models:too_small"],
    [{ fallback_models: Array.from({ length: 5 }, () => "nano-banana-pro") }, "/fallback_models:too_big"],
    [{ fallback_models: [""] }, "/fallback_models/0:too_small"],
  ] as const
  for (const [sent, expected] of refusals) {
    const { status, body } = await create(sent)
    assert.deepEqual([status, errorsOf(body)], [400, [expected]])
  }
})

test("the dearest of the models that were named has to be within the budget", async () => {
  const sent = { model: "nano-banana-lite", max_cost_usd: 0.05 }
  assert.equal((await create(sent)).status, 202)
  const { status, body } = await create({ ...sent, fallback_models: ["nano-banana-pro"] })
  assert.deepEqual([status, errorsOf(body)], [402, ["/max_cost_usd:budget_exceeded"]])
  assert.match(body.detail, /gemini-3-pro-image/)
})

test("the list of models says which the upstream does not serve, and when it serves them again", async () => {
  const statusOf = async (id: string) => {
    const { data } = (await api.send("/v1/models")).body as { data: Model[] }
    return data.find((model) => model.id === id)?.status
  }
  assert.equal(await statusOf("gemini-3-pro-image"), "available")
  await api.ledger.judgeModel("gemini-3-pro-image", "gone")
  assert.deepEqual(
    [await statusOf("gemini-3-pro-image"), await statusOf("gemini-nano-banana-2.1")],
    ["unavailable", "available"],
  )
  await api.ledger.judgeModel("gemini-3-pro-image", "served")
  assert.equal(await statusOf("gemini-3-pro-image"), "available")
})

test("a job that waits for a model at rest says why and until when", async () => {
  const rest = ["{trial}:rest", "gemini-3-pro-image"] as const
  await api.redis.hset(...rest, `${Date.now() + 60_000}|upstream_overloaded`)
  const { body } = await create({ model: "gemini-3-pro-image" })
  const look = async () => Job.parse((await api.send(`/v1/jobs/${body.id}`)).body).queue
  let queue = await look()
  assert.equal(queue?.blocked_by, "upstream_overloaded")
  // What is known of the queue is shared by many askers, and may be a moment old.
  while (queue?.eta_seconds === null) queue = await look()
  assert.ok((queue?.eta_seconds ?? 0) > 50)
  await api.redis.hdel(...rest)
})
