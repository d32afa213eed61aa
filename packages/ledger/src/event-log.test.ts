import assert from "node:assert/strict"
import { after, before, beforeEach, test } from "node:test"

import type { Redis } from "ioredis"

import type { Replay } from "./event-log.ts"
import { createLedger, type Ledger } from "./ledger.ts"
import { withLibrary } from "./script-text.ts"
import { plainVault } from "./testing/plain-vault.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob } from "./testing/sample-job.ts"

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
  ledger = createLedger({ redis, prefix: "test", retentionMs: 60_000, vault: plainVault })
})

async function canceledJob(tenant = "acme"): Promise<string> {
  const job = newJob({ tenant })
  await ledger.submit({ job, idempotency: undefined })
  await ledger.cancel(job.id, tenant)
  return job.id
}

const page = (from: string | undefined, limit = 100) => ledger.events.after("acme", { after: from, limit })

test("events are pulled in their order, with nothing missed between pages", async () => {
  const jobs = []
  for (let n = 0; n < 25; n += 1) jobs.push(await canceledJob())
  await canceledJob("globex")
  const subjects: string[] = []
  let cursor: string | undefined
  for (let more = true; more;) {
    const { events, hasMore, cursor: next } = await page(cursor, 10)
    subjects.push(...events.map(({ subject }) => subject))
    more = hasMore
    cursor = next ?? cursor
  }
  assert.deepEqual(subjects, jobs)
  assert.deepEqual(await page(cursor), { events: [], hasMore: false, cursor })
  const late = await canceledJob()
  assert.deepEqual(
    (await page(cursor)).events.map(({ subject }) => subject),
    [late],
  )
})

test("ids sort as the log does, even within a millisecond", async () => {
  await Promise.all(Array.from({ length: 40 }, () => canceledJob()))
  const ids = (await page(undefined)).events.map(({ id }) => id)
  assert.equal(ids.length, 40)
  assert.deepEqual(ids, ids.toSorted())
  for (const id of ids) assert.match(id, /^evt_[0-9a-f]{12}7[0-9a-f]{3}8[0-9a-f]{15}$/)
  assert.deepEqual(
    (await page(ids[20])).events.map(({ id }) => id),
    ids.slice(21),
  )
})

test("one type can be asked for, however rare it is", async () => {
  for (let n = 0; n < 30; n += 1) await canceledJob()
  const { events, hasMore, cursor } = await ledger.events.after("acme", {
    after: undefined,
    limit: 5,
    type: "job.failed",
  })
  assert.deepEqual([events, hasMore], [[], false])
  assert.equal(cursor, (await page(undefined)).events.at(-1)?.id)
  const some = await ledger.events.after("acme", { after: undefined, limit: 5, type: "job.canceled" })
  assert.deepEqual([some.events.length, some.hasMore], [5, true])
})

async function endpoint(): Promise<string> {
  const made = await ledger.webhookEndpoints.create("acme", {
    url: "https://a.example/",
    events: ["job.canceled"],
    description: "",
    enabled: true,
    headers: {},
  })
  assert.ok(made.kind === "created")
  return made.endpoint.id
}

async function replay(change: Partial<Replay>): Promise<number | string> {
  const whole = { since: new Date(0), until: new Date(Date.now() + 1_000), dryRun: false }
  const asked = { endpoint: "", types: undefined, status: undefined, ...whole, ...change }
  const answer = await ledger.events.replay("acme", asked, AbortSignal.timeout(10_000))
  return answer.kind === "counted" ? answer.count : answer.kind
}

const takeAll = async () =>
  (await ledger.deliveries.take({ most: 1_000, slots: 1_000, leaseMs: 60_000 })).taken

test("what happened before an endpoint was made can be sent to it, under the events' own ids", async () => {
  for (let n = 0; n < 450; n += 1) await canceledJob()
  const id = await endpoint()
  assert.equal(await replay({ endpoint: id, dryRun: true }), 450)
  assert.deepEqual(await takeAll(), [])
  assert.equal(await replay({ endpoint: id }), 450)
  const told = (await takeAll()).map(({ event }) => event.id)
  const logged: string[] = []
  for (let from: string | undefined; logged.length < 450; from = logged.at(-1)) {
    logged.push(...(await page(from)).events.map((event) => event.id))
  }
  assert.deepEqual(told.toSorted(), logged)
})

test("a replay keeps to its time, its types and the status it was asked for", async () => {
  const id = await endpoint()
  await canceledJob()
  await canceledJob()
  const [one, two] = await takeAll()
  assert.ok(one && two)
  const tried = { at: new Date(), statusCode: 500, ms: 1, error: null, response: null }
  await ledger.deliveries.record(one, tried, { kind: "exhausted", restMs: 0 })
  await ledger.deliveries.record(two, tried, { kind: "delivered" })
  assert.equal(await replay({ endpoint: id, until: new Date(one.event.at.getTime() - 1) }), 0)
  assert.equal(await replay({ endpoint: id, since: new Date(Date.now() + 1_000) }), 0)
  assert.equal(await replay({ endpoint: id, types: ["job.failed"] }), 0)
  assert.equal(await replay({ endpoint: id, types: ["*"], dryRun: true }), 2)
  assert.equal(await replay({ endpoint: id, status: "exhausted" }), 1)
  assert.deepEqual(
    (await takeAll()).map((each) => [each.id, each.event.id, each.tries]),
    [[one.id, one.event.id, 0]],
  )
})

test("only an endpoint of the tenant that is enabled can be replayed to", async () => {
  const id = await endpoint()
  assert.equal(await replay({ endpoint: "whe_none" }), "missing")
  await ledger.webhookEndpoints.change("acme", id, { enabled: false })
  assert.equal(await replay({ endpoint: id }), "disabled")
})

test("an event of a batch or a tenant is kept and sent with its data", async () => {
  const id = await endpoint()
  await ledger.webhookEndpoints.change("acme", id, { events: ["batch.progress", "budget.threshold"] })
  const script = withLibrary("return announce(ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])")
  const announce = (kind: string, subject: string, n: number, data: unknown) =>
    redis.eval(script, 1, "{test}", "acme", kind, subject, n, JSON.stringify(data))
  const progress = await announce("batch.progress", "bat_1", 1, { counts: { total: 2 } })
  const more = await announce("batch.progress", "bat_1", 2, { counts: { total: 2 } })
  const budget = await announce("budget.threshold", "acme", 1, { percent: 80 })
  const { events } = await page(undefined)
  assert.deepEqual(
    events.map(({ id: event, data }) => [event, data]),
    [
      [progress, { counts: { total: 2 } }],
      [more, { counts: { total: 2 } }],
      [budget, { percent: 80 }],
    ],
  )
  const told = new Map((await takeAll()).map(({ event }) => [event.subject, event.data]))
  const first: [string, unknown][] = [
    ["acme", { percent: 80 }],
    ["bat_1", { counts: { total: 2 } }],
  ]
  assert.deepEqual(told, new Map(first), "the second of the batch waits for its first")
})
