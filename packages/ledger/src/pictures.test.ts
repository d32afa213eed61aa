import assert from "node:assert/strict"
import { after, before, beforeEach, test } from "node:test"

import type { Redis } from "ioredis"

import { createLedger, type Ledger } from "./ledger.ts"
import type { Answered } from "./pictures.ts"
import type { NewJob } from "./record.ts"
import { audit } from "./testing/audit.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob, output } from "./testing/sample-job.ts"

let redis: Redis
let server: Awaited<ReturnType<typeof startRedis>>
let ledger: Ledger

before(async () => {
  server = await startRedis()
  redis = server.redis
})
after(() => server[Symbol.asyncDispose]())
beforeEach(async () => {
  await redis.flushall()
  ledger = createLedger({ redis, prefix: "test", retentionMs: 60_000 })
})

const objects = "acme/2026/11/22/job"
const pictures = { fingerprint: "a red mug", forMs: 60_000 }
const answered = (job: NewJob, change: Partial<Answered> = {}): Answered => ({
  job,
  idempotency: undefined,
  outputs: new Map([
    [0, output],
    [1, output],
  ]),
  text: "two mugs",
  textKey: null,
  layout: "t8,i0,i1",
  pictures,
  objects: { prefix: objects, until: null },
  ...change,
})
const announced = () => ledger.keepImagesUntil(objects, new Date(Date.now() + 60_000))

async function paint(fingerprint: string, shortfall = false): Promise<string> {
  const job = newJob()
  const submitted = await ledger.submit({ job, idempotency: undefined })
  assert.ok(submitted.kind === "created" && submitted.ready[0])
  const begun = await ledger.begin(submitted.ready[0])
  assert.ok(begun.kind === "begun")
  const spent = { calls: 0, input: 0, output: 0, costNanoUsd: 0 }
  await ledger.settle(
    { id: job.id, epoch: begun.epoch },
    {
      settlement: {
        kind: "end",
        status: "succeeded",
        outcome: "succeeded",
        error: null,
        shortfall: shortfall ? { requested: 2, delivered: 1, errors: [] } : null,
      },
      upstreamStatus: 200,
      charged: "yes",
      spent,
      text: null,
      textKey: null,
      warned: [],
      pictures: shortfall ? undefined : { fingerprint, forMs: 60_000 },
    },
  )
  return job.id
}

test("pictures are found by what shaped them, for the tenant that made them, as long as they are kept", async () => {
  assert.equal(await ledger.pictures.find("acme", "a red mug"), undefined)
  const id = await paint("a red mug")
  assert.equal(await ledger.pictures.find("acme", "a red mug"), id)
  assert.equal(await ledger.pictures.find("beta", "a red mug"), undefined)
  await paint("a blue mug", true)
  assert.equal(await ledger.pictures.find("acme", "a blue mug"), undefined)
  const [key = ""] = await redis.keys("*:pictures:*")
  const leftMs = await redis.pttl(key)
  assert.ok(leftMs > 0 && leftMs <= 60_000)
})

test("a job that is answered is made and has succeeded in one step, and the books agree", async () => {
  const waiting = newJob()
  await ledger.submit({ job: waiting, idempotency: undefined })
  await announced()
  const job = newJob({
    deadlineSeconds: 60,
    notBefore: new Date(Date.now() + 60_000),
    lane: "m>other",
    estimateNanoUsd: 9e9,
  })
  assert.equal((await ledger.pictures.submit(answered(job))).kind, "created")
  const record = await ledger.read(job.id)
  assert.ok(record)
  assert.deepEqual([record.status, record.outputs.size, record.text], ["succeeded", 2, "two mugs"])
  assert.deepEqual(
    record.events.map(({ type }) => type),
    ["job.queued", "job.output", "job.output", "job.succeeded"],
  )
  assert.deepEqual(record.usage, { input: 0, output: 0, calls: 0, costNanoUsd: 0 })
  assert.equal(await ledger.pictures.find("acme", "a red mug"), job.id)
  assert.equal(await redis.zscore("{test}:images", objects), null)
  const usage = await redis.hgetall((await redis.keys("*:usage:acme:*"))[0] ?? "")
  assert.deepEqual([usage["m|key_1|images"], usage["m|key_1|calls"], usage["m|key_1|cost"]], ["2", "0", "0"])
  const jobs = await audit(redis, "{test}")
  assert.deepEqual([...jobs.keys()].toSorted(), [waiting.id, job.id].toSorted())
})

test("with a key of idempotency it is made once, and the same command again changes nothing", async () => {
  const idempotency = { key: "createGeneration:k", fingerprint: "f" }
  await announced()
  const until = new Date(Date.now() + 3_600_000)
  const change = { idempotency, objects: { prefix: objects, until } }
  const job = newJob()
  assert.equal((await ledger.pictures.submit(answered(job, change))).kind, "created")
  assert.equal(await redis.zscore("{test}:images", objects), String(until.getTime()))
  const again = await ledger.pictures.submit(answered(newJob(), change))
  assert.deepEqual([again.kind, "id" in again && again.id], ["replayed", job.id])
  const other = { ...change, idempotency: { ...idempotency, fingerprint: "g" } }
  assert.equal((await ledger.pictures.submit(answered(newJob(), other))).kind, "mismatch")
  const replayed = await ledger.submit({ job: newJob(), idempotency })
  assert.deepEqual([replayed.kind, "id" in replayed && replayed.id], ["replayed", job.id])
  const plain = answered(job)
  assert.equal((await ledger.pictures.submit(plain)).kind, "created")
  assert.equal((await audit(redis, "{test}")).size, 1)
})

test("copies whose time is over make no job", async () => {
  const job = newJob()
  assert.equal((await ledger.pictures.submit(answered(job))).kind, "late")
  assert.equal(await ledger.read(job.id), undefined)
})
