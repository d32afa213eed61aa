import assert from "node:assert/strict"
import { after, before, suite, test } from "node:test"

import { operations } from "@kiln/contract"

import { startHttpGate, type HttpGate } from "../world/http-gate.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

suite("stopping jobs", { concurrency: 4 }, () => {
  let world: World
  let gate: HttpGate
  before(async () => {
    world = await startWorld({ workers: 0 })
    gate = await startHttpGate(world.emulator.url)
    await Promise.all([1, 2].map(() => world.startWorker({ GEMINI_BASE_URL: gate.url })))
  })
  after(async () => {
    await gate[Symbol.asyncDispose]()
    await world[Symbol.asyncDispose]()
  })

  const running = (id: string) => until("it runs", async () => (await world.job(id)).status === "running")
  const cancel = (id: string) => world.client.send(operations.cancelJob, { params: { id } })

  test("a running job is canceled in whichever worker it is, and its call is aborted", async () => {
    const jobs = await Promise.all([1, 2, 3, 4].map((n) => world.submit({ prompt: `cancel ${n} [[hang]]` })))
    await Promise.all(jobs.map(({ id }) => running(id)))
    await until("the upstream has their calls", () => gate.passedOn() >= 4)
    const canceled = await Promise.all(jobs.map(({ id }) => cancel(id)))
    for (const job of canceled) {
      assert.equal(job.status, "canceled")
      assert.equal(job.attempts[0]?.outcome, "canceled")
      assert.equal(job.usage.charged, "unknown")
    }
    await until(
      "the upstream saw its callers leave",
      () => world.emulator.calls.filter(({ status }) => status === 499).length >= 4,
    )
  })

  test("a waiting job is canceled at once and never called", async () => {
    const job = await world.submit({
      prompt: "later",
      not_before: new Date(Date.now() + 3_600_000).toISOString(),
    })
    assert.equal(job.queue?.blocked_by, "not_before")
    const canceled = await cancel(job.id)
    assert.equal(canceled.status, "canceled")
    assert.equal(canceled.usage.charged, "no")
    assert.equal((await world.client.request(operations.cancelJob, { params: { id: job.id } })).status, 409)
  })

  test("a running job that passes its deadline expires and its call is aborted", async () => {
    const job = await world.make({ prompt: "too slow [[hang]]", deadline_seconds: 2 })
    assert.equal(job.status, "expired")
    assert.equal(job.error?.code, "deadline_exceeded")
    assert.equal(job.usage.charged, "unknown")
  })

  test("a waiting job that passes its deadline expires, by the Cancel-After header too", async () => {
    const not_before = new Date(Date.now() + 3_600_000).toISOString()
    const job = await world.submit({ prompt: "too late", not_before }, { "cancel-after": "1s" })
    const ended = await world.ended(job.id)
    assert.equal(ended.status, "expired")
    assert.equal(ended.usage.charged, "no")
  })

  test("a job is not started before its time", async () => {
    const notBefore = Date.now() + 1_500
    const job = await world.make({ prompt: "in time", not_before: new Date(notBefore).toISOString() })
    assert.equal(job.status, "succeeded")
    assert.ok(Date.parse(job.started_at ?? "") >= notBefore)
  })

  test("a deleted job that runs leaves nothing behind", async () => {
    const job = await world.submit({ prompt: "delete me [[slow:2]]" })
    await running(job.id)
    await world.client.send(operations.deleteJob, { params: { id: job.id } })
    assert.equal((await world.client.request(operations.getJob, { params: { id: job.id } })).status, 404)
    await until("no key names it", async () => (await world.redis.keys(`*${job.id}*`)).length === 0)
  })
})

test("the order of priorities is kept when workers are few", async () => {
  await using world = await startWorld({ workerEnv: { KILN_CONCURRENCY: "1" }, emulator: { latencyMs: 100 } })
  const order = ["low", "low", "normal", "normal", "high", "high"] as const
  const jobs = await Promise.all(
    Array.from({ length: 4 }, (_, n) => world.submit({ prompt: `first ${n}`, priority: "normal" })).concat(
      order.map((priority, n) => world.submit({ prompt: `${priority} ${n}`, priority })),
    ),
  )
  const ended = await Promise.all(jobs.map(({ id }) => world.ended(id)))
  const started = (priority: string) =>
    ended.filter((job) => job.priority === priority).map((job) => Date.parse(job.started_at ?? ""))
  assert.ok(Math.max(...started("high")) < Math.min(...started("low")))
})
