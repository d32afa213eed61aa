import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import { Estimate, QueueReport } from "@kiln/contract"
import { ledgerPrefix } from "@kiln/ledger"

import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
let admin: string
before(async () => {
  api = await startTrialApi()
  admin = await api.makeKey("ops", ["admin"])
})
after(() => api[Symbol.asyncDispose]())

const estimate = (body: unknown) => api.send("/v1/estimates", { body })
const image = { url: "https://example.org/a.png" }

test("an estimate says what a request would take, and makes nothing", async () => {
  const { status, body } = await estimate({ prompt: "dog, cat, house, car", n: 4, image_size: "2K" })
  assert.equal(status, 200)
  const { cost_usd: cost, ...told } = Estimate.parse(body)
  assert.deepEqual([told.items, told.upstream_calls], [1, 4])
  assert.ok(told.input_tokens > 0 && told.output_tokens > 4_000 && (cost ?? 0) > 0.1)
  assert.equal(told.warnings.length, 1)
  assert.equal(told.eta_seconds, null)
  assert.deepEqual((await api.send("/v1/jobs")).body.data, [])
})

test("an edit is estimated with its images", async () => {
  const words = (await estimate({ prompt: "blue" })).body
  const edit = await estimate({ prompt: "blue", images: [image, image] })
  assert.equal(edit.status, 200)
  assert.ok(edit.body.input_tokens >= words.input_tokens + 2_000)
})

test("a refinement is estimated as an edit by the model of its conversation, with all that was said before", async () => {
  await using fresh = await startTrialApi()
  const foresee = (body: unknown) => fresh.send("/v1/estimates", { body })
  const { body: made } = await fresh.send("/v1/generations", {
    body: { prompt: "a mug", model: "gemini-3-pro-image" },
  })
  const further = { prompt: "blue", previous_job: made.id }
  const early = await foresee(further)
  assert.deepEqual([early.status, early.body.errors[0].pointer], [400, "/previous_job"])
  await fresh.paint(made.id)
  const alone = (await foresee({ prompt: "blue", model: "gemini-3-pro-image" })).body
  const { status, body } = await foresee(further)
  assert.equal(status, 200, JSON.stringify(body))
  assert.ok(body.input_tokens >= alone.input_tokens + 1_000)
  assert.ok(body.cost_usd > alone.cost_usd)
  const variables = { subject: "a mug", style: "a woodcut" }
  const { prompt: _, ...styled } = { ...further, template: "style-transfer", variables }
  assert.equal((await foresee(styled)).status, 200)
})

test("what would be refused is refused, and the right shape is spoken of", async () => {
  for (const [body, pointer] of [
    [{ prompt: "a", n: 9 }, "/n"],
    [{ prompt: "a", colour: "red" }, "/colour"],
    [{ prompt: "a", images: [] }, "/images"],
    [{ prompt: "a", images: [image], n: 0 }, "/n"],
    [{ prompt: "a", model: "none" }, "/model"],
    [{ prompt: "a", model: "few", images: Array.from({ length: 4 }, () => image) }, "/images"],
    [{ template: "none" }, "/template"],
  ] as const) {
    const refused = await estimate(body)
    assert.equal(refused.status, 400, JSON.stringify(body))
    assert.equal(refused.body.errors[0].pointer, pointer, JSON.stringify(refused.body))
  }
})

test("the queue is told to admins, as it is", async () => {
  assert.equal((await api.send("/v1/queue")).status, 403)
  const read = async () => QueueReport.parse((await api.send("/v1/queue", { key: admin })).body)
  const empty = await read()
  assert.deepEqual([empty.depth, empty.out, empty.oldest_seconds, empty.workers.alive], [0, 0, null, 0])
  await api.ledger.beat("w", 1, 60_000, { running: 0, taken: 0 })
  const jobs: string[] = []
  for (let n = 0; n < 4; n++) {
    jobs.push((await api.send("/v1/generations", { body: { prompt: `mug ${n}` } })).body.id)
  }
  await api.begin(jobs[0] ?? "")
  await api.redis.hset("{trial}:rest", "gemini-nano-banana-2.1", `${Date.now() + 60_000}|upstream_rpm`)
  const busy = await read()
  assert.deepEqual([busy.depth, busy.out, busy.running], [3, 2, 1])
  assert.deepEqual(busy.workers, { alive: 1, slots: 1, starved: 0 })
  assert.ok((busy.oldest_seconds ?? -1) >= 0)
  const [model] = busy.models
  assert.deepEqual([model?.waiting, model?.blocked_by], [2, "upstream_rpm"])
  assert.ok(model?.limits)
  assert.deepEqual(busy.tenants, [{ tenant: "acme", waiting: 2, out: 2, weight: 1, parallel_jobs: null }])
})

test("a repeated request is told the same place and time, though the queue has moved on", async () => {
  await using fresh = await startTrialApi()
  const pace = (ms: number) => fresh.redis.hset("{trial}:paces", "gemini-nano-banana-2.1", `${ms}.0|9`)
  await pace(4_000)
  await fresh.ledger.beat("w", 1, 60_000)
  const sent = { body: { prompt: "the same" }, headers: { "idempotency-key": "place" } }
  const first = await fresh.send("/v1/generations", sent)
  assert.deepEqual(first.body.queue, { position: 0, blocked_by: null, eta_seconds: 4 })
  await pace(90_000)
  assert.deepEqual((await fresh.send("/v1/generations", sent)).body, first.body)
})

test("parked keys of the upstream are shown to admins, and resumed by them", async () => {
  const account = { project: "hash", rpm: 5, rpd: null, windowMs: 60_000 }
  await api.ledger.offerAccounts("few", [account], { frees: false })
  const asked = { model: "few", job: "j", call: "c", isFurther: false, aheadMs: 0, accounts: [account] }
  const taken = await api.ledger.takeCall(asked)
  assert.ok(taken.kind === "go")
  const parked = { kind: "parked", blockedBy: "upstream_billing", until: undefined } as const
  await api.ledger.endCall({ model: "few", account, call: "c", at: taken.at }, parked)
  const shown = async () =>
    QueueReport.parse((await api.send("/v1/queue", { key: admin })).body).accounts.map(
      ({ account: name, model, limit, window_seconds: seconds, blocked_by: by }) =>
        [name, model, limit, seconds, by] as const,
    )
  assert.deepEqual(await shown(), [["hash", "few", 5, 60, "upstream_billing"]])
  const resume = (body: unknown, key = admin) => api.send("/v1/queue/resume", { body, key })
  assert.equal((await api.send("/v1/queue/resume", { body: {} })).status, 403)
  const unknown = await resume({ model: "none" })
  assert.deepEqual([unknown.status, unknown.body.errors[0].pointer], [400, "/model"])
  assert.equal((await resume({ account: 7 })).status, 400)
  assert.deepEqual((await resume({ account: "another" })).body.accounts, 0)
  assert.deepEqual((await resume({ model: "few" })).body, { object: "queue_resumed", accounts: 1, jobs: 0 })
  assert.deepEqual(await shown(), [["hash", "few", 5, 60, null]])
})

test("a batch that may run few items at once is foreseen to take longer", async () => {
  await using fresh = await startTrialApi()
  await fresh.ledger.beat("w", 100, 60_000, { running: 0, taken: 0 })
  await fresh.redis.hset(`${ledgerPrefix("trial")}:paces`, "few", "10000.0|20")
  const items = Array.from({ length: 11 }, (_, n) => ({ custom_id: `${n}`, prompt: "a mug", model: "few" }))
  const foresee = async (beside: object) => {
    const { body } = await fresh.send("/v1/estimates", { body: { items, ...beside } })
    return Estimate.parse(body).eta_seconds ?? NaN
  }
  const [free, held] = [await foresee({}), await foresee({ max_parallel: 2 })]
  assert.ok(free >= 10 && free < 20, `${free} s`)
  assert.ok(held >= 50 && held <= 60, `${held} s`)
})
