import assert from "node:assert/strict"
import { after, before, beforeEach, test } from "node:test"

import type { Redis } from "ioredis"

import { createLedger } from "./ledger.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob } from "./testing/sample-job.ts"

let redis: Redis
let server: Awaited<ReturnType<typeof startRedis>>

before(async () => {
  server = await startRedis()
  redis = server.redis
})
after(() => server[Symbol.asyncDispose]())
beforeEach(() => redis.flushall())

async function begun() {
  const ledger = createLedger({ redis, prefix: "test", retentionMs: 60_000 })
  const submitted = await ledger.submit({ job: newJob(), idempotency: undefined })
  const [task] = submitted.kind === "created" ? submitted.ready : []
  assert.ok(task)
  const first = await ledger.begin(task)
  assert.ok(first.kind === "begun")
  return { ledger, task, epoch: first.epoch }
}
/** As if the worker had said nothing for a while. */
const silentFor = (id: string, ms: number) => redis.hset(`{test}:job:${id}`, "held", Date.now() - ms)
const heardBefore = (ms: number) => redis.set("{test}:heard", Date.now() - ms)

test("a job is not taken from a worker that said a moment ago that it holds it", async () => {
  const { ledger, task, epoch } = await begun()
  assert.equal((await ledger.begin(task)).kind, "held")
  await silentFor(task.id, 9_000)
  assert.deepEqual(await ledger.hold([{ id: task.id, epoch }]), [])
  await silentFor(task.id, 9_000)
  assert.equal((await ledger.begin(task)).kind, "held")
  assert.equal((await ledger.read(task.id))?.attempts.length, 1)
})

test("a job is taken from a worker that is silent, which then hears that it has lost it", async () => {
  const { ledger, task, epoch } = await begun()
  await silentFor(task.id, 11_000)
  const second = await ledger.begin(task)
  assert.equal(second.kind, "begun")
  assert.deepEqual(await ledger.hold([{ id: task.id, epoch }]), [task.id])
})

test("after an outage nobody is taken for dead before everybody could speak", async () => {
  const { ledger, task, epoch } = await begun()
  await silentFor(task.id, 60_000)
  await heardBefore(60_000)
  assert.equal((await ledger.begin(task)).kind, "held")
  await ledger.beat("another", 4, 12_000)
  assert.equal((await ledger.begin(task)).kind, "held")
  await ledger.hold([{ id: task.id, epoch }])
  await redis.del("{test}:recovering")
  assert.equal((await ledger.begin(task)).kind, "held")
  await silentFor(task.id, 11_000)
  assert.equal((await ledger.begin(task)).kind, "begun")
})

test("what is held is offered again when its worker can be believed no more", async () => {
  const { ledger, task } = await begun()
  await silentFor(task.id, 4_000)
  assert.equal((await ledger.begin(task)).kind, "held")
  const score = Number(await redis.zscore("{test}:lease", task.id))
  const dueInMs = score + 30_000 - Date.now()
  assert.ok(dueInMs > 4_000 && dueInMs <= 6_000, `${dueInMs} ms`)
  assert.deepEqual(await ledger.sweep(), [])
  await redis.zadd("{test}:lease", Date.now() - 30_000, task.id)
  assert.deepEqual(await ledger.sweep(), [task])
})

test("a run that has ended is not told that it was lost", async () => {
  const { ledger, task, epoch } = await begun()
  await redis.hset(`{test}:job:${task.id}`, "status", "succeeded")
  assert.deepEqual(
    await ledger.hold([
      { id: task.id, epoch },
      { id: "job_gone", epoch: 1 },
    ]),
    [],
  )
})
