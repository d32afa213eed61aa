import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import { Job } from "@kiln/contract"

import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
before(async () => {
  api = await startTrialApi()
})
after(() => api[Symbol.asyncDispose]())

const create = (body: object, headers: Record<string, string> = {}) =>
  api.send("/v1/generations", { body: { prompt: "a red mug", ...body }, headers })

test("a job is taken with everything it was asked for", async () => {
  const { status, headers, body } = await create({
    model: "gemini-2.5-flash-image-preview",
    n: 2,
    aspect_ratio: "16:9",
    priority: "high",
    metadata: { sku: "42" },
    deadline_seconds: 90,
  })
  assert.equal(status, 202)
  const job = Job.parse(body)
  assert.equal(headers.get("location"), `/v1/jobs/${job.id}`)
  assert.equal(job.status, "queued")
  assert.equal(job.model, "gemini-nano-banana-2.1")
  assert.equal(job.requested_model, "gemini-2.5-flash-image-preview")
  assert.deepEqual(
    job.warnings.map(({ code }) => code),
    ["model_replaced"],
  )
  assert.deepEqual(job.parameters, { n: 2, aspect_ratio: "16:9", output_format: "png", include_text: false })
  assert.deepEqual([job.priority, job.metadata], ["high", { sku: "42" }])
  assert.equal(Date.parse(job.deadline ?? "") - Date.parse(job.created_at), 90_000)
  assert.deepEqual(job.usage, {
    input_tokens: 0,
    output_tokens: 0,
    upstream_calls: 0,
    cost_usd: 0,
    charged: "no",
  })
  assert.equal(job.urls.self, `${api.url}/v1/jobs/${job.id}`)
})

test("what the first answer says is what the ledger says", async () => {
  const created = await create({ not_before: new Date(Date.now() + 3_600_000).toISOString() })
  const read = await api.send(`/v1/jobs/${created.body.id}`)
  assert.equal(created.body.queue.blocked_by, "not_before")
  assert.deepEqual({ ...read.body, queue: null }, { ...created.body, queue: null })
})

test("the header Cancel-After is the deadline", async () => {
  const { body } = await create({}, { "cancel-after": "5m" })
  assert.equal(Date.parse(body.deadline) - Date.parse(body.created_at), 300_000)
  const tooLong = await create({}, { "cancel-after": "30d" })
  assert.equal(tooLong.body.errors[0].pointer, "/deadline_seconds")
})

test("a long prompt lies in storage and is read back", async () => {
  const prompt = "ä".repeat(3_000)
  const { body } = await create({ prompt })
  assert.equal(body.prompt, prompt)
  const record = await api.ledger.read(body.id)
  assert.equal(record?.spec.prompt, null)
  assert.equal((await api.storage.head(record?.spec.promptKey ?? ""))?.bytes, 6_000)
  assert.equal((await api.send(`/v1/jobs/${body.id}`)).body.prompt, prompt)
})

test("fifty equal requests at once with one Idempotency-Key make one job and get one answer", async () => {
  const prompt = "one of fifty ".repeat(500)
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => create({ prompt }, { "idempotency-key": "race" })),
  )
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202])
  assert.equal(new Set(answers.map(({ text }) => text)).size, 1)
  assert.equal(new Set(answers.map(({ headers }) => headers.get("location"))).size, 1)
  const replayed = answers.filter(({ headers }) => headers.get("idempotent-replayed") === "true")
  assert.equal(replayed.length, 49)
})

test("a replay gives the first answer even when the job has ended or was deleted", async () => {
  const sent = [{ prompt: "replayed" }, { "idempotency-key": "after the end" }] as const
  const first = await create(...sent)
  await api.paint(first.body.id)
  assert.deepEqual((await create(...sent)).body, first.body)
  assert.equal((await api.send(`/v1/jobs/${first.body.id}`, { method: "DELETE" })).status, 204)
  const last = await create(...sent)
  assert.deepEqual([last.status, last.body], [202, first.body])
})

test("the same key for another request is refused, in another tenant it is another key", async () => {
  const headers = { "idempotency-key": "once" }
  const first = await create({}, headers)
  const other = await create({ n: 2 }, headers)
  assert.deepEqual([other.status, other.body.code], [422, "idempotency_mismatch"])
  const deadline = await create({}, { ...headers, "cancel-after": "1m" })
  assert.equal(deadline.status, 422)
  const key = await api.makeKey("globex", ["jobs:write"])
  const elsewhere = await api.send("/v1/generations", { key, headers, body: { prompt: "a red mug" } })
  assert.equal(elsewhere.status, 202)
  assert.notEqual(elsewhere.body.id, first.body.id)
})

test("bare and quoted, a key is the same key; an empty or a long one is refused", async () => {
  const bare = await create({}, { "idempotency-key": "quoted" })
  const quoted = await create({}, { "idempotency-key": '"quoted"' })
  assert.equal(quoted.body.id, bare.body.id)
  for (const key of ['""', "x".repeat(256)]) {
    const { status, body } = await create({}, { "idempotency-key": key })
    assert.deepEqual([status, body.code], [400, "invalid_request"])
  }
})

test("a caller that waits gets the job when it has ended", async () => {
  const key = await api.makeKey("patient", ["jobs:write"])
  const send = () =>
    api.send("/v1/generations", {
      key,
      body: { prompt: "a red mug" },
      headers: { prefer: "respond-async, wait=30", "idempotency-key": "wait" },
    })
  const waiting = send()
  const id = await soon(async () => (await api.ledger.list("patient", { limit: 1 })).records[0]?.id)
  await api.paint(id)
  const { status, headers, body } = await waiting
  assert.deepEqual([status, body.status, body.id], [200, "succeeded", id])
  assert.equal(headers.get("preference-applied"), "wait=30")
  const replay = await send()
  assert.deepEqual([replay.status, replay.body.status], [200, "succeeded"])
  assert.equal(replay.headers.get("idempotent-replayed"), "true")
})

test("a wait that is over answers with the job as it is", async () => {
  const { status, body } = await api.send("/v1/generations?wait=1", { body: { prompt: "slow" } })
  assert.deepEqual([status, body.status], [202, "queued"])
})

test("a tenant's jobs reach the queue", async () => {
  const { body } = await create({})
  await soon(async () => (await api.redis.keys("{trial}bull:*")).find((key) => key.endsWith(`${body.id}.1`)))
})

/** Asks again and again until there is an answer. */
async function soon<Value>(ask: () => Promise<Value | undefined>): Promise<Value> {
  for (;;) {
    const value = await ask()
    if (value !== undefined) return value
  }
}
