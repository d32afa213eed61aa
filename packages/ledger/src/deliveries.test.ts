import assert from "node:assert/strict"
import { after, before, beforeEach, test } from "node:test"

import type { OwnWebhook, WebhookEndpoint } from "@kiln/contract"
import type { Redis } from "ioredis"

import type { AfterTry, TakenDelivery } from "./deliveries.ts"
import { createLedger, webhookChannel, type Ledger } from "./ledger.ts"
import type { NewJob } from "./record.ts"
import { plainVault } from "./testing/plain-vault.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob } from "./testing/sample-job.ts"

let redis: Redis
let server: Awaited<ReturnType<typeof startRedis>>
let ledger: Ledger

const options = () => ({ redis, prefix: "test", retentionMs: 60_000, vault: plainVault })
before(async () => {
  server = await startRedis()
  redis = server.redis
})
after(() => server[Symbol.asyncDispose]())
beforeEach(async () => {
  await redis.flushall()
  ledger = createLedger(options())
})

type Asked = Partial<Pick<WebhookEndpoint, "events" | "enabled" | "headers" | "url">>

async function endpoint(change: Asked = {}, tenant = "acme"): Promise<string> {
  const asked = {
    url: "https://a.example/",
    events: ["*" as const],
    description: "",
    enabled: true,
    headers: {},
  }
  const made = await ledger.webhookEndpoints.create(tenant, { ...asked, ...change })
  assert.ok(made.kind === "created")
  return made.endpoint.id
}

/** A job that was submitted and canceled: one event to tell of. */
async function canceledJob(change: Partial<NewJob> = {}): Promise<string> {
  const job = newJob(change)
  await ledger.submit({ job, idempotency: undefined })
  await ledger.cancel(job.id, job.tenant)
  return job.id
}

/** A job that started and was handed over, not ended. */
async function startedJob(): Promise<{ id: string; end: () => Promise<unknown> }> {
  const job = newJob()
  const submitted = await ledger.submit({ job, idempotency: undefined })
  assert.ok(submitted.kind === "created" && submitted.ready[0])
  const begun = await ledger.begin(submitted.ready[0])
  assert.ok(begun.kind === "begun")
  const { epoch } = begun
  const settlement = {
    kind: "end",
    status: "succeeded",
    outcome: "succeeded",
    error: null,
    shortfall: null,
  } as const
  const spent = { calls: 0, input: 0, output: 0, costNanoUsd: 0 }
  const end = {
    settlement,
    upstreamStatus: 200,
    charged: "no",
    spent,
    text: null,
    textKey: null,
    warned: [],
  } as const
  return { id: job.id, end: () => ledger.settle({ id: job.id, epoch }, end) }
}

const take = async (most = 100, slots = 100): Promise<TakenDelivery[]> =>
  (await ledger.deliveries.take({ most, slots, leaseMs: 60_000 })).taken
async function takeOne(): Promise<TakenDelivery> {
  const [first, ...more] = await take()
  assert.ok(first && more.length === 0, `one is due, not ${first ? more.length + 1 : 0}`)
  return first
}
const tried = { at: new Date(0), statusCode: 500, ms: 7, error: "status", response: "no" }
const record = (delivery: TakenDelivery, next: AfterTry) => ledger.deliveries.record(delivery, tried, next)
const again = (inMs: number, restMs = 0): AfterTry => ({ kind: "again", inMs, restMs })
const statusOf = async ({ id }: { id: string }) => (await ledger.deliveryLog.read("acme", id))?.status

test("an event is due for every endpoint that wants it, and for no other", async () => {
  const all = await endpoint()
  const some = await endpoint({ events: ["job.failed", "job.canceled"] })
  await endpoint({ events: ["job.failed"] })
  await endpoint({ enabled: false })
  await endpoint({}, "globex")
  const id = await canceledJob()
  const taken = await take()
  assert.deepEqual(taken.map((each) => each.endpoint).toSorted(), [all, some].toSorted())
  const [event] = (await ledger.events.after("acme", { after: undefined, limit: 10 })).events
  for (const each of taken) {
    assert.deepEqual(each.event, { ...event, type: "job.canceled", subject: id, data: undefined })
    assert.equal(each.tenant, "acme")
  }
  assert.equal((await ledger.read(id))?.events.at(-1)?.id, event?.id)
})

test("what is taken has the address, the headers and the secrets that were given", async () => {
  const asked = { url: "https://b.example/hook", headers: { Authorization: "Bearer x" } }
  const base = { events: ["*" as const], description: "", enabled: true }
  const made = await ledger.webhookEndpoints.create("acme", { ...base, ...asked })
  assert.ok(made.kind === "created")
  assert.match(made.secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  await canceledJob()
  const first = await takeOne()
  assert.deepEqual([first.url, first.headers, first.secrets], [asked.url, asked.headers, [made.secret]])
  await ledger.deliveries.giveBack(first)
  const secret = await ledger.webhookSecrets.rotate("acme", made.endpoint.id)
  assert.deepEqual((await takeOne()).secrets, [secret, made.secret])
  const text = (await redis.hgetall(`{test}:endpoint:${made.endpoint.id}`))["url"]
  assert.equal(text, asked.url)
})

test("the old secret is not used any more after a day", async () => {
  const id = await endpoint()
  const secret = await ledger.webhookSecrets.rotate("acme", id)
  await redis.hset(`{test}:endpoint:${id}`, "old_until", Date.now() - 1)
  await canceledJob()
  assert.deepEqual((await takeOne()).secrets, [secret])
})

test("a delivery that was recorded is over, and tells of its tries", async () => {
  await endpoint()
  await canceledJob()
  const first = await takeOne()
  assert.deepEqual(await record(first, again(0)), { kind: "recorded", disabled: null })
  const second = await takeOne()
  assert.deepEqual([second.id, second.tries, second.event], [first.id, 1, first.event])
  await record(second, { kind: "delivered" })
  assert.deepEqual(await take(), [])
  const known = await ledger.deliveryLog.read("acme", first.id)
  const attempt = { at: tried.at.toISOString(), status_code: 500, ms: 7, error: "status", response: "no" }
  assert.deepEqual(
    [known?.status, known?.next_attempt_at, known?.attempts],
    ["delivered", null, [attempt, attempt]],
  )
  assert.equal(await ledger.deliveryLog.read("globex", first.id), undefined)
})

test("who lost the lease can neither record nor give back", async () => {
  await endpoint()
  await canceledJob()
  const first = await takeOne()
  await redis.zadd("{test}:hook-lease", 1, first.id)
  assert.deepEqual(await ledger.deliveries.reap(), { lost: 1, removed: 0 })
  const second = await takeOne()
  assert.equal(second.id, first.id)
  assert.deepEqual(await record(first, { kind: "delivered" }), { kind: "fenced" })
  await ledger.deliveries.giveBack(first)
  assert.deepEqual(await take(), [])
  assert.equal((await record(second, { kind: "delivered" })).kind, "recorded")
  assert.deepEqual(await record(second, { kind: "delivered" }), { kind: "fenced" })
})

test("events of one job go to an endpoint one after the other, whatever becomes of the earlier", async () => {
  await endpoint()
  const { id, end } = await startedJob()
  await end()
  const first = await takeOne()
  assert.deepEqual([first.event.type, first.event.subject], ["job.started", id])
  await record(first, again(60_000))
  assert.deepEqual(await take(), [])
  await ledger.deliveryLog.again("acme", first.id)
  await record(await takeOne(), { kind: "exhausted", restMs: 0 })
  const second = await takeOne()
  assert.equal(second.event.type, "job.succeeded")
  assert.equal(await statusOf(first), "exhausted")
})

test("an endpoint has as many at once as it has slots, and one while it fails", async () => {
  await endpoint()
  for (let n = 0; n < 8; n += 1) await canceledJob()
  const taken = await take(100, 3)
  assert.equal(taken.length, 3)
  assert.deepEqual(await take(100, 3), [])
  for (const each of taken) await record(each, again(60_000))
  const [alone, ...others] = await take(100, 3)
  assert.ok(alone && others.length === 0)
  await record(alone, { kind: "delivered" })
  assert.equal((await take(100, 3)).length, 3)
})

test("a backlog of one endpoint takes turns with the others", async () => {
  const busy = await endpoint({ events: ["job.canceled"] })
  for (let n = 0; n < 30; n += 1) await canceledJob()
  const late = await endpoint()
  await canceledJob()
  const taken = await take(4)
  assert.deepEqual(taken.map((each) => each.endpoint).toSorted(), [busy, busy, busy, late].toSorted())
})

test("a receiver that asks for a pause gets it, and it alone", async () => {
  const limited = await endpoint({ events: ["job.canceled"] })
  for (let n = 0; n < 3; n += 1) await canceledJob()
  const [one, ...rest] = await take()
  assert.ok(one)
  await record(one, again(60_000, 60_000))
  for (const each of rest) await ledger.deliveries.giveBack(each)
  const other = await endpoint({ events: ["job.canceled"] })
  await canceledJob()
  const { taken, nextInMs } = await ledger.deliveries.take({ most: 100, slots: 10, leaseMs: 1_000 })
  assert.deepEqual(
    taken.map((each) => each.endpoint),
    [other],
  )
  assert.ok(nextInMs && nextInMs > 50_000)
  await redis.hdel(`{test}:endpoint:${limited}`, "rest")
  await redis.zadd("{test}:hook-ring", 0, limited)
  assert.equal((await take()).length, 3, "all but the one that waits for its own time")
})

test("a receiver that is gone is disabled, and what it had waiting is discarded", async () => {
  const id = await endpoint()
  await canceledJob()
  await canceledJob()
  const [one, two] = await take()
  assert.ok(one && two)
  const reason = "The receiver answered 410 Gone"
  assert.deepEqual(await record(one, { kind: "gone" }), { kind: "recorded", disabled: reason })
  await canceledJob()
  const known = await ledger.webhookEndpoints.read("acme", id)
  assert.deepEqual([known?.enabled, known?.disabled_reason], [false, reason])
  await record(two, again(0))
  assert.deepEqual(await take(), [])
  assert.deepEqual([await statusOf(one), await statusOf(two)], ["discarded", "discarded"])
  assert.equal((await ledger.deliveryLog.list("acme", { limit: 10 })).length, 2)
})

test("an endpoint that has failed for days is disabled and says why; one success in between saves it", async () => {
  ledger = createLedger({ ...options(), disableAfterMs: 5 * 86_400_000 })
  const id = await endpoint()
  await canceledJob()
  const failing = `{test}:endpoint:${id}`
  await record(await takeOne(), again(0))
  await redis.hset(failing, "failing", Date.now() - 5 * 86_400_000 + 60_000)
  assert.deepEqual(await record(await takeOne(), again(0)), { kind: "recorded", disabled: null })
  await record(await takeOne(), { kind: "delivered" })
  await canceledJob()
  await record(await takeOne(), again(0))
  await redis.hset(failing, "failing", Date.now() - 5 * 86_400_000 - 1)
  const reason = "No delivery succeeded for 5 days"
  assert.deepEqual(await record(await takeOne(), again(0)), { kind: "recorded", disabled: reason })
  const enabled = await ledger.webhookEndpoints.change("acme", id, { enabled: true })
  assert.deepEqual([enabled?.enabled, enabled?.disabled_reason], [true, null])
  await canceledJob()
  assert.equal((await take()).filter(({ endpoint: of }) => of === id).length > 0, true)
})

test("what waits for an endpoint that was deleted is discarded, even much of it", async () => {
  const id = await endpoint()
  for (let n = 0; n < 250; n += 1) await canceledJob()
  assert.equal(await ledger.webhookEndpoints.remove("globex", id), false)
  assert.equal(await ledger.webhookEndpoints.remove("acme", id), true)
  while ((await ledger.deliveries.take({ most: 1, slots: 1, leaseMs: 1 })).nextInMs !== null);
  assert.equal(await redis.zcard("{test}:deliveries:acme:discarded"), 250)
  assert.deepEqual(await redis.keys("{test}:hook-[dcr]*"), ["{test}:hook-retention"])
})

test("a delivery that is over can be sent again under the same ids", async () => {
  const id = await endpoint()
  await canceledJob()
  const first = await takeOne()
  await record(first, { kind: "exhausted", restMs: 0 })
  assert.equal(await ledger.deliveryLog.again("globex", first.id), "missing")
  assert.equal(await ledger.deliveryLog.again("acme", first.id), "pending")
  const second = await takeOne()
  assert.deepEqual([second.id, second.event.id, second.tries], [first.id, first.event.id, 0])
  await record(second, { kind: "delivered" })
  assert.equal((await ledger.deliveryLog.read("acme", first.id))?.attempts.length, 2)
  await ledger.webhookEndpoints.change("acme", id, { enabled: false })
  assert.equal(await ledger.deliveryLog.again("acme", first.id), "disabled")
})

test("a test goes to its endpoint once and leaves no mark on it", async () => {
  const id = await endpoint({ events: ["job.failed"] })
  assert.equal((await ledger.deliveryLog.test("globex", id, { nonce: "1", data: {} })).kind, "missing")
  const sent = await ledger.deliveryLog.test("acme", id, { nonce: "1", data: { endpoint: id } })
  assert.ok(sent.kind === "pending")
  const taken = await takeOne()
  assert.deepEqual([taken.id, taken.once, taken.event.data], [sent.delivery.id, true, { endpoint: id }])
  await record(taken, { kind: "exhausted", restMs: 0 })
  assert.equal(await redis.hexists(`{test}:endpoint:${id}`, "failing"), 0)
  assert.deepEqual((await ledger.events.after("acme", { after: undefined, limit: 10 })).events, [])
})

test("a job's own webhook is told how it ended, with the tenant's secret, in the lane of its host", async () => {
  const webhook: OwnWebhook = { url: "https://c.example/resume/1", headers: { "X-A": "b" } }
  await canceledJob({ webhook })
  await canceledJob({ webhook: { ...webhook, url: "https://c.example/resume/2" } })
  await canceledJob({ webhook: { ...webhook, url: "https://d.example/", events: ["job.failed"] } })
  await canceledJob()
  const taken = await take()
  assert.deepEqual(taken.map(({ url }) => url).toSorted(), [webhook.url, "https://c.example/resume/2"])
  assert.equal(new Set(taken.map((each) => each.endpoint)).size, 1)
  for (const each of taken) assert.deepEqual(each.headers, webhook.headers)
  const [first] = taken
  assert.ok(first)
  assert.equal(first.secrets.length, 1)
  assert.deepEqual(await record(first, { kind: "gone" }), { kind: "recorded", disabled: null })
  const secret = await ledger.webhookSecrets.rotateOwn("acme")
  await ledger.deliveryLog.again("acme", first.id)
  assert.deepEqual((await takeOne()).secrets, [secret, ...first.secrets])
  assert.deepEqual(await ledger.webhookEndpoints.list("acme", { limit: 10 }), [])
  assert.equal(await ledger.webhookEndpoints.read("acme", first.endpoint), undefined)
})

test("what a deleted job's own webhook was to hear is discarded", async () => {
  const id = await canceledJob({ webhook: { url: "https://c.example/" } })
  await ledger.remove([id])
  assert.deepEqual(await take(), [])
  const [only] = await ledger.deliveryLog.list("acme", { limit: 10 })
  assert.equal(only?.status, "discarded")
})

test("deliveries are listed newest first by endpoint, event and status", async () => {
  const one = await endpoint()
  const two = await endpoint()
  for (let n = 0; n < 3; n += 1) await canceledJob()
  const [first] = await take(1)
  assert.ok(first)
  await record(first, { kind: "delivered" })
  const list: typeof ledger.deliveryLog.list = (...asked) => ledger.deliveryLog.list(...asked)
  const all = await list("acme", { limit: 100 })
  assert.equal(all.length, 6)
  assert.deepEqual(
    all.map(({ id }) => id),
    all
      .map(({ id }) => id)
      .toSorted()
      .toReversed(),
  )
  const third = all[3]?.id
  assert.deepEqual(
    (await list("acme", { limit: 3, after: third })).map(({ id }) => id),
    all.slice(4).map(({ id }) => id),
  )
  assert.equal((await list("acme", { limit: 9, endpoint: one })).length, 3)
  assert.deepEqual(
    (await list("acme", { limit: 9, status: "delivered" })).map(({ id }) => id),
    [first.id],
  )
  const ofEvent = await list("acme", { limit: 9, event: first.event.id })
  assert.deepEqual(ofEvent.map((each) => each.endpoint).toSorted(), [one, two].toSorted())
  assert.deepEqual(
    ofEvent.map(({ event }) => event),
    [first.event.id, first.event.id],
  )
  assert.deepEqual(await list("globex", { limit: 9 }), [])
  assert.deepEqual(await list("globex", { limit: 9, endpoint: one }), [])
})

test("what was delivered long ago is forgotten", async () => {
  await endpoint()
  await canceledJob()
  const taken = await takeOne()
  await record(taken, { kind: "delivered" })
  assert.deepEqual(await ledger.deliveries.reap(), { lost: 0, removed: 0 })
  await redis.zadd("{test}:hook-retention", 1, taken.id)
  assert.deepEqual(await ledger.deliveries.reap(), { lost: 0, removed: 1 })
  assert.deepEqual(await ledger.deliveryLog.list("acme", { limit: 9 }), [])
  assert.deepEqual(await redis.keys("{test}:deliver*"), [])
})

test("a tenant has a limited number of endpoints", async () => {
  for (let n = 0; n < 50; n += 1) await endpoint()
  const asked = {
    url: "https://a.example/",
    events: ["*" as const],
    description: "",
    enabled: true,
    headers: {},
  }
  assert.deepEqual(await ledger.webhookEndpoints.create("acme", asked), { kind: "full" })
  await endpoint({}, "globex")
})

test("secrets that another key sealed are noticed", async () => {
  assert.equal(await ledger.webhookSecrets.fits(), true)
  await endpoint()
  assert.equal(await ledger.webhookSecrets.fits(), true)
  const other = createLedger({
    ...options(),
    vault: { ...plainVault, open: (sealed, context) => plainVault.open(sealed, `other ${context}`) },
  })
  assert.equal(await other.webhookSecrets.fits(), false)
  await assert.rejects(other.webhookSecrets.rotateOwn("acme"), /another key/)
  await canceledJob()
  const { taken, unreadable } = await other.deliveries.take({ most: 1, slots: 1, leaseMs: 1_000 })
  assert.deepEqual([taken, unreadable], [[], 1])
})

test("those who wait for deliveries hear when one is due", async () => {
  const heard: string[] = []
  await using stack = new AsyncDisposableStack()
  const subscriber = stack.adopt(redis.duplicate(), (connection) => connection.disconnect())
  subscriber.on("message", (channel) => heard.push(channel))
  await subscriber.subscribe(webhookChannel("test"))
  await canceledJob()
  await endpoint()
  await canceledJob()
  await subscriber.ping()
  assert.deepEqual(heard, [webhookChannel("test")])
})

test("endpoints with something waiting are counted", async () => {
  const id = await endpoint()
  await canceledJob()
  await canceledJob()
  assert.deepEqual(await ledger.deliveries.backlog(), new Map([[id, 2]]))
})

test("what is sent again after its job was deleted is discarded to the last one", async () => {
  const job = newJob({ webhook: { url: "https://a.example/", events: ["*"] } })
  const submitted = await ledger.submit({ job, idempotency: undefined })
  assert.ok(submitted.kind === "created" && submitted.ready[0])
  await ledger.begin(submitted.ready[0])
  await redis.hset(`{test}:job:${job.id}`, "status", "queued")
  await ledger.cancel(job.id, "acme")
  const told: TakenDelivery[] = []
  for (let taken = await take(); taken.length > 0; taken = await take()) {
    for (const each of taken) await record(each, { kind: "delivered" })
    told.push(...taken.filter(({ event }) => event.subject === job.id))
  }
  assert.equal(told.length, 2)
  await ledger.remove([job.id])
  for (const { id } of told) await ledger.deliveryLog.again("acme", id)
  assert.deepEqual(await take(), [])
  assert.deepEqual(await Promise.all(told.map(statusOf)), ["discarded", "discarded"])
})

test("a try that cannot be written down fails alone, and its delivery stays leased", async () => {
  const id = await endpoint()
  const jobs = [await canceledJob(), await canceledJob(), await canceledJob()]
  const taken = await take()
  assert.equal(taken.length, 3)
  await redis.set(`{test}:hook-chain:${id}:${jobs[1]}`, "no list")
  const written = taken.map((each) => record(each, { kind: "delivered" }))
  const outcomes = await Promise.allSettled([...written, record(taken[0] as TakenDelivery, { kind: "gone" })])
  const kinds = outcomes.map((each) =>
    each.status === "fulfilled" ? each.value.kind : (each.reason as Error).message.slice(0, 33),
  )
  const failed = taken.findIndex(({ event }) => event.subject === jobs[1])
  const expected = ["recorded", "recorded", "recorded", "fenced"]
  assert.deepEqual(kinds, expected.with(failed, "The try cannot be written down: W"))
  assert.deepEqual(await redis.zrange("{test}:hook-lease", "0", "-1"), [taken[failed]?.id])
  assert.equal(await redis.hget(`{test}:endpoint:${id}`, "flight"), "1")
})

test("an endpoint whose places are all taken is counted with what waits for it", async () => {
  const id = await endpoint()
  await canceledJob()
  await canceledJob()
  await ledger.deliveries.take({ most: 5, slots: 1, leaseMs: 60_000 })
  assert.deepEqual(await ledger.deliveries.backlog(), new Map([[id, 2]]))
})

test("what is sent again says when it was made, and that it was tried", async () => {
  const madeAt = Date.now()
  await endpoint()
  await canceledJob()
  const [first] = await take()
  assert.ok(first && first.attempts === 0 && Math.abs(first.createdAt.getTime() - madeAt) < 60_000)
  await record(first, { kind: "delivered" })
  await ledger.deliveryLog.again("acme", first.id)
  const [second] = await take()
  assert.deepEqual(
    [second?.tries, second?.attempts, second?.createdAt.getTime()],
    [0, 1, first.createdAt.getTime()],
  )
})
