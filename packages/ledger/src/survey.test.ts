import assert from "node:assert/strict"
import { after, before, beforeEach, test } from "node:test"

import { createLedger, type Ledger } from "./ledger.ts"
import { noLimits } from "./limits.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob } from "./testing/sample-job.ts"

let server: Awaited<ReturnType<typeof startRedis>>
let ledger: Ledger
before(async () => {
  server = await startRedis()
})
after(() => server[Symbol.asyncDispose]())
beforeEach(async () => {
  await server.redis.flushall()
  ledger = createLedger({ redis: server.redis, prefix: "s", retentionMs: 60_000, mostQueued: 3 })
})

const submit = async (change: Parameters<typeof newJob>[0] = {}) => {
  const job = newJob(change)
  return { id: job.id, answer: await ledger.submit({ job, idempotency: undefined }) }
}
const room = (running: number, taken: number) => ledger.beat("w", 2, 60_000, { running, taken })

/** Lets it have starved for so much longer. */
const since = async (ms: number) => {
  const [entry = ""] = await server.redis.hvals("{s}:workers")
  const [until, slots, running, taken, starved] = entry.split("|")
  assert.notEqual(starved, "0")
  await server.redis.hset("{s}:workers", "w", [until, slots, running, taken, Number(starved) - ms].join("|"))
}

test("limits are kept as they were given, and all of them are replaced", async () => {
  const limits = { ...noLimits, weight: 0.25, queued_jobs: 7, daily_budget_usd: 0.1 }
  await ledger.limits.put("acme", limits)
  assert.deepEqual(await ledger.limits.read("acme"), limits)
  await ledger.limits.put("acme", { ...noLimits, requests_per_minute: 5 })
  assert.deepEqual(await ledger.limits.read("acme"), { ...noLimits, requests_per_minute: 5 })
  assert.equal(await ledger.limits.requestsPerMinute("acme"), 5)
  await ledger.limits.put("acme", noLimits)
  assert.deepEqual(await ledger.limits.read("acme"), noLimits)
})

test("a tenant has as many waiting as its own limit allows, or the one of all", async () => {
  await ledger.limits.put("small", { ...noLimits, queued_jobs: 1 })
  await ledger.limits.put("large", { ...noLimits, queued_jobs: 5 })
  for (const [tenant, most] of Object.entries({ small: 1, usual: 3, large: 5 })) {
    for (let n = 0; n < most; n++) assert.equal((await submit({ tenant })).answer.kind, "created")
    assert.equal((await submit({ tenant })).answer.kind, "full", tenant)
  }
})

test("the survey tells what waits, where, and since when", async () => {
  await server.redis.set("{s}:window", 1)
  await ledger.limits.put("acme", { ...noLimits, weight: 2, parallel_jobs: 1 })
  await submit()
  const { id } = await submit()
  await submit({ model: "n", priority: "low" })
  await submit({ tenant: "other", notBefore: new Date(Date.now() + 60_000) })
  const survey = await ledger.survey()
  assert.deepEqual([survey.window, survey.out, survey.later, survey.queued, survey.running], [1, 1, 1, 4, 0])
  assert.equal(survey.tenantsInAll, 1)
  const [acme] = survey.tenants
  assert.deepEqual([acme?.name, acme?.weight, acme?.leased, acme?.parallelJobs], ["acme", 2, 1, 1])
  const lanes = acme?.lanes.toSorted((a, b) => a.model.localeCompare(b.model))
  assert.deepEqual(
    lanes?.map(({ model, waiting }) => [model, waiting]),
    [
      ["m", 1],
      ["n", 1],
    ],
  )
  assert.equal(lanes[0]?.oldest, id)
})

test("the survey counts what ended, and forgets workers that are not heard of", async () => {
  const { id } = await submit()
  await ledger.cancel(id, "acme")
  await ledger.beat("dead", 4, -1)
  await room(1, 5)
  const { ended, queued, workers } = await ledger.survey()
  assert.deepEqual([...ended], [["canceled", 1]])
  assert.equal(queued, 0)
  assert.deepEqual(workers, [{ id: "w", slots: 2, running: 1, starvedMs: 0 }])
})

test("a worker starves when it has room, a job is out, and it takes none", async () => {
  await room(0, 0)
  assert.equal((await room(0, 0)).starvedMs, 0, "nothing is out")
  const { id } = await submit()
  await room(0, 0)
  await since(90_000)
  assert.ok((await room(0, 0)).starvedMs >= 90_000)
  assert.ok(((await ledger.survey()).workers[0]?.starvedMs ?? 0) >= 90_000)
  assert.equal((await room(2, 0)).starvedMs, 0, "it has no room")
  await room(0, 0)
  await since(90_000)
  assert.equal((await room(1, 1)).starvedMs, 0, "it took one")
  await ledger.begin({ id, turn: 1 })
  await room(1, 1)
  assert.equal((await room(1, 1)).starvedMs, 0, "all that is out runs")
})
