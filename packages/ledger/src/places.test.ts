import assert from "node:assert/strict"
import { after, before, beforeEach, test } from "node:test"

import * as fc from "fast-check"

import { createLedger, type Ledger } from "./ledger.ts"
import { noLimits } from "./limits.ts"
import type { JobRecord, NewJob } from "./record.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob, succeeded } from "./testing/sample-job.ts"

let server: Awaited<ReturnType<typeof startRedis>>
before(async () => {
  server = await startRedis()
})
after(() => server[Symbol.asyncDispose]())
beforeEach(() => server.redis.flushall())

/** A ledger that has not looked at the queue yet. */
const open = (): Ledger => createLedger({ redis: server.redis, prefix: "p", retentionMs: 60_000 })
const window = (jobs: number) => server.redis.set("{p}:window", jobs)

async function submit(ledger: Ledger, change: Partial<NewJob> = {}): Promise<JobRecord> {
  const job = newJob(change)
  const forecast = await ledger.foresee(job.tenant, job.model)
  const answer = await ledger.submit({ job, idempotency: undefined, forecast })
  assert.equal(answer.kind, "created")
  return read(ledger, job.id)
}
async function read(ledger: Ledger, id: string): Promise<JobRecord> {
  const record = await ledger.read(id)
  assert.ok(record)
  return record
}

const arrival = fc.record({
  tenant: fc.constantFrom("a", "b", "c"),
  model: fc.constantFrom("m", "n"),
  priority: fc.constantFrom("high" as const, "normal" as const, "low" as const),
})

test("the position is the place in which the job is handed out", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(arrival, { minLength: 1, maxLength: 40 }),
      fc.tuple(fc.constantFrom(1, 2, 0.5), fc.constantFrom(1, 3)),
      fc.nat({ max: 6 }),
      async (arrivals, [weightA, weightB], early) => {
        await server.redis.flushall()
        const first = open()
        await first.limits.put("a", { ...noLimits, weight: weightA })
        await first.limits.put("b", { ...noLimits, weight: weightB })
        await window(0)
        const jobs: JobRecord[] = []
        for (const each of arrivals) jobs.push(await submit(first, each))
        // Some went already: turns are not all the same.
        await window(early)
        const gone = new Set((await first.dispatch()).map(({ id }) => id))
        for (const id of gone) await first.begin({ id, turn: 1 })
        const ledger = open()
        const waiting = jobs.filter(({ id }) => !gone.has(id))
        const places = new Map<string, number>()
        for (const job of waiting) places.set(job.id, (await ledger.place(job)).position)
        await window(1_000)
        const order = (await ledger.dispatch()).map(({ id }) => id)
        assert.equal(order.length, waiting.length)
        for (const [index, id] of order.entries()) assert.equal(places.get(id), index)
      },
    ),
    { numRuns: 60 },
  )
})

test("a new job is told the same place that it has", async () => {
  await window(0)
  const ledger = open()
  for (const tenant of ["a", "b", "a", "c", "b", "a"]) await submit(ledger, { tenant })
  const later = open()
  const job = newJob({ tenant: "c" })
  const forecast = await later.foresee("c", "m")
  const answer = await later.submit({ job, idempotency: undefined, forecast })
  assert.ok(answer.kind === "created")
  assert.equal(answer.position, (await open().place(await read(later, job.id))).position)
})

test("the time until its end follows from how long jobs keep their slots", async () => {
  const ledger = open()
  await ledger.beat("w", 4, 60_000)
  await server.redis.hset("{p}:paces", "m", "10000.0|20")
  await window(0)
  await server.redis.set("{p}:window", 0)
  const jobs: JobRecord[] = []
  for (let n = 0; n < 41; n++) jobs.push(await submit(ledger))
  const eta = async (n: number) => (await open().place(jobs[n] as JobRecord)).etaSeconds
  assert.equal(await eta(0), 10, "there is room at once")
  assert.equal(await eta(40), Math.ceil(10 + ((41 - 4) * 10) / 4))
})

test("what blocks a job is said: no worker, its tenant's limit, a model that rests, its own wait", async () => {
  const ledger = open()
  await window(0)
  const job = await submit(ledger)
  assert.deepEqual(await open().place(job), { position: 0, blockedBy: "no_worker", etaSeconds: null })
  await ledger.beat("w", 4, 60_000)
  await ledger.limits.put("acme", { ...noLimits, parallel_jobs: 1 })
  const [given] = await ledger.dispatch()
  assert.equal(given?.id, job.id)
  const second = await submit(ledger)
  assert.equal((await open().place(second)).blockedBy, "parallel_jobs")
  await ledger.limits.put("acme", noLimits)
  await server.redis.hset("{p}:paces", "m", "2000.0|3")
  await server.redis.hset("{p}:rest", "m", `${Date.now() + 30_000}|upstream_rpm`)
  const rested = await open().place(second)
  assert.equal(rested.blockedBy, "upstream_rpm")
  assert.ok((rested.etaSeconds ?? 0) > 30)
  const later = await submit(ledger, { model: "n", notBefore: new Date(Date.now() + 100_000) })
  assert.ok(((await open().place(later)).etaSeconds ?? 0) > 100)
})

test("a pace is a mean of the last jobs over all of their attempts", async () => {
  const ledger = open()
  await ledger.beat("w", 4, 60_000)
  const job = await submit(ledger)
  const begun = await ledger.begin({ id: job.id, turn: 1 })
  assert.ok(begun.kind === "begun")
  // It began twenty seconds ago, and an earlier attempt took ten.
  await server.redis.hset(`{p}:job:${job.id}`, { "a:1": `m|${Date.now() - 20_000}`, ran: "10000" })
  await ledger.settle({ id: job.id, epoch: begun.epoch }, succeeded)
  const { paces, jobsEndedPerMinute } = await ledger.survey()
  assert.ok(Math.abs((paces.get("m") ?? 0) - 30_000) < 2_000)
  assert.ok(jobsEndedPerMinute > 0.9 && jobsEndedPerMinute <= 1)
})
