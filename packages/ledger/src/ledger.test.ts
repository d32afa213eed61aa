import assert from "node:assert/strict"
import { after, before, beforeEach, test } from "node:test"

import { JobFailure, type JobError } from "@kiln/contract"
import { describeFailure, type Settlement, type TemplateContent } from "@kiln/jobs"
import type { Redis } from "ioredis"

import type { Handover } from "./handover.ts"
import { createLedger, type Ledger } from "./ledger.ts"
import type { NewJob } from "./record.ts"
import type { AttemptEnd, Begun } from "./runs.ts"
import { mostTemplates } from "./templates.ts"
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
  ledger = createLedger({ redis, prefix: "test", retentionMs: 60_000, heldMs: 0 })
  await ledger.beat("w", 16, 60_000)
})

async function submit(change: Partial<NewJob> = {}, idempotency?: { key: string; fingerprint: string }) {
  const job = newJob(change)
  return { job, answer: await ledger.submit({ job, idempotency }) }
}

async function handedOver(change: Partial<NewJob> = {}): Promise<Handover> {
  const { answer } = await submit(change)
  assert.equal(answer.kind, "created")
  const [first] = answer.kind === "created" ? answer.ready : []
  assert.ok(first)
  return first
}

function assertBegun(begun: Begun): asserts begun is Extract<Begun, { kind: "begun" }> {
  assert.equal(begun.kind, "begun")
}

const spent = { calls: 1, input: 9, output: 1120, costNanoUsd: 33_600_000 }
const nothingSpent = { calls: 0, input: 0, output: 0, costNanoUsd: 0 }
const succeeded: Settlement = {
  kind: "end",
  status: "succeeded",
  outcome: "succeeded",
  error: null,
  shortfall: null,
}
const ending = (settlement: Settlement, change: Partial<AttemptEnd> = {}): AttemptEnd => ({
  settlement,
  upstreamStatus: 200,
  charged: "yes",
  spent: nothingSpent,
  text: null,
  textKey: null,
  warned: [],
  ...change,
})
const again = (change: Partial<Extract<Settlement, { kind: "again" }>> = {}): Settlement => ({
  kind: "again",
  outcome: "upstream_overloaded",
  delayMs: 0,
  free: false,
  blockedBy: null,
  abandoned: new Map<number, JobError>(),
  successor: null,
  ...change,
})
const counters = async (tenant = "acme") => redis.hgetall(`{test}:tenant:${tenant}`)

test("a job goes from submitted to succeeded with its image, usage and events", async () => {
  const task = await handedOver()
  const begun = await ledger.begin(task)
  assertBegun(begun)
  assert.equal(begun.record.status, "running")
  assert.equal(await ledger.keep({ id: task.id, epoch: begun.epoch, index: 0, output, spent }), "kept")
  assert.equal((await ledger.settle({ id: task.id, epoch: begun.epoch }, ending(succeeded))).kind, "settled")
  const record = await ledger.read(task.id)
  assert.equal(record?.status, "succeeded")
  assert.deepEqual(record.usage, { input: 9, output: 1120, calls: 1, costNanoUsd: 33_600_000 })
  assert.deepEqual(record.outputs.get(0), output)
  assert.deepEqual(
    record.events.map(({ type }) => type),
    ["job.queued", "job.started", "job.output", "job.succeeded"],
  )
  assert.deepEqual(
    record.attempts.map(({ number, outcome, charged }) => ({ number, outcome, charged })),
    [{ number: 1, outcome: "succeeded", charged: "yes" }],
  )
  assert.equal(await redis.zcard("{test}:lease"), 0)
  const { queued, running, succeeded: done } = await counters()
  assert.deepEqual({ queued, running, done }, { queued: "0", running: "0", done: "1" })
})

test("the outbox has each event of a job once, under the id that the job shows", async () => {
  const task = await handedOver()
  await ledger.cancel(task.id, "acme")
  const outbox = await redis.xrange("{test}:outbox", "-", "+")
  const record = await ledger.read(task.id)
  assert.deepEqual(
    outbox.map(([, fields]) => fields[1]),
    record?.events.map(({ id }) => id),
  )
  assert.match(record?.events[0]?.id ?? "", /^evt_[0-9a-f]{32}$/)
})

test("fifty submissions under one idempotency key make one job", async () => {
  const key = { key: "k", fingerprint: "f" }
  const answers = await Promise.all(Array.from({ length: 50 }, () => submit({}, key)))
  assert.equal(answers.filter(({ answer }) => answer.kind === "created").length, 1)
  assert.equal(answers.filter(({ answer }) => answer.kind === "replayed").length, 49)
  assert.equal((await submit({}, { key: "k", fingerprint: "other" })).answer.kind, "mismatch")
  assert.equal((await counters())["queued"], "1")
})

test("no more jobs are out than the window allows, and the next goes when one ends", async () => {
  await ledger.beat("w", 1, 10_000)
  const answers = []
  for (let i = 0; i < 5; i++) answers.push((await submit()).answer)
  const out = answers.flatMap((answer) => (answer.kind === "created" ? answer.ready : []))
  assert.equal(out.length, 2)
  const [task] = out
  assert.ok(task)
  const begun = await ledger.begin(task)
  assertBegun(begun)
  const settled = await ledger.settle({ id: task.id, epoch: begun.epoch }, ending(succeeded))
  assert.equal(settled.kind === "settled" && settled.ready.length, 1)
})

test("a tenant with many jobs lets another's single job go next", async () => {
  await ledger.beat("w", 1, 10_000)
  for (let i = 0; i < 50; i++) await submit({ tenant: "big" })
  const { job } = await submit({ tenant: "small" })
  const order: string[] = []
  await redis.set("{test}:window", 4)
  for (const { id } of await ledger.dispatch()) order.push(id)
  assert.ok(order.includes(job.id))
})

test("priority comes first, then age", async () => {
  await redis.set("{test}:window", "0")
  const low = await submit({ priority: "low" })
  const normal = await submit()
  const high = await submit({ priority: "high" })
  await redis.set("{test}:window", 10)
  assert.deepEqual(
    (await ledger.dispatch()).map(({ id }) => id),
    [high.job.id, normal.job.id, low.job.id],
  )
})

test("a job is not begun before its time", async () => {
  const { job, answer } = await submit({ notBefore: new Date(Date.now() + 60_000) })
  assert.deepEqual(answer.kind === "created" && answer.ready, [])
  await redis.zadd("{test}:later", 1, job.id)
  assert.deepEqual(
    (await ledger.dispatch()).map(({ id }) => id),
    [job.id],
  )
})

test("a worker that lost its job can neither keep nor settle", async () => {
  const task = await handedOver()
  const first = await ledger.begin(task)
  const second = await ledger.begin(task)
  assertBegun(first)
  assertBegun(second)
  assert.equal(await ledger.keep({ id: task.id, epoch: first.epoch, index: 0, output, spent }), "fenced")
  assert.equal((await ledger.settle({ id: task.id, epoch: first.epoch }, ending(succeeded))).kind, "fenced")
  assert.deepEqual(
    second.record.attempts.map(({ outcome, charged }) => ({ outcome, charged })),
    [
      { outcome: "worker_lost", charged: "unknown" },
      { outcome: null, charged: null },
    ],
  )
})

test("a job whose workers die every time is given up", async () => {
  const task = await handedOver()
  for (let i = 0; i < 5; i++) assertBegun(await ledger.begin(task))
  assert.equal((await ledger.begin(task)).kind, "ended")
  const record = await ledger.read(task.id)
  assert.equal(record?.status, "failed")
  assert.equal(record.error?.code, "internal")
})

test("an attempt that is to be repeated waits and then has a turn of its own", async () => {
  const task = await handedOver()
  const begun = await ledger.begin(task)
  assertBegun(begun)
  await ledger.settle(
    { id: task.id, epoch: begun.epoch },
    ending(again({ delayMs: 30_000 }), { charged: "no" }),
  )
  assert.equal((await ledger.read(task.id))?.status, "queued")
  assert.deepEqual(await ledger.dispatch(), [])
  await redis.zadd("{test}:later", 1, task.id)
  assert.deepEqual(await ledger.dispatch(), [{ id: task.id, turn: 2 }])
  assert.equal((await ledger.begin(task)).kind, "stale")
  const second = await ledger.begin({ id: task.id, turn: 2 })
  assertBegun(second)
  assert.equal(second.record.tries, 2)
})

test("a job for which there is no call waits alone, costs no attempt and says what it waits for", async () => {
  await ledger.beat("w", 2, 60_000)
  const task = await handedOver()
  const begun = await ledger.begin(task)
  assertBegun(begun)
  const wait = again({ delayMs: 60_000, free: true, blockedBy: "upstream_rpm", outcome: "handed_back" })
  await ledger.settle({ id: task.id, epoch: begun.epoch }, ending(wait))
  const record = await ledger.read(task.id)
  assert.ok(record)
  assert.equal(record.tries, 0)
  const place = await ledger.place(record)
  assert.equal(place.blockedBy, "upstream_rpm")
  assert.ok((place.etaSeconds ?? 0) > 50)
  const other = await submit({ tenant: "other" })
  assert.equal(other.answer.kind === "created" && other.answer.ready.length, 1)
})

test("cancel ends a waiting job at once and asks for a running one", async () => {
  await redis.set("{test}:window", 1)
  const running = await handedOver()
  const { job: waiting } = await submit()
  assert.equal(await ledger.cancel(waiting.id, "someone-else"), "missing")
  assert.equal(await ledger.cancel(waiting.id, "acme"), "ended")
  assert.equal(await ledger.cancel(waiting.id, "acme"), "terminal")
  assertBegun(await ledger.begin(running))
  assert.equal(await ledger.cancel(running.id, "acme"), "asked")
  assert.deepEqual(await ledger.canceledAmong([running.id, waiting.id]), [running.id])
  assert.equal((await ledger.begin(running)).kind, "ended")
  assert.equal((await ledger.read(running.id))?.status, "canceled")
})

test("a job that is asked to stop is canceled instead of being tried again", async () => {
  const task = await handedOver()
  const begun = await ledger.begin(task)
  assertBegun(begun)
  await ledger.cancel(task.id, "acme")
  await ledger.settle({ id: task.id, epoch: begun.epoch }, ending(again()))
  assert.equal((await ledger.read(task.id))?.status, "canceled")
})

test("a waiting job past its deadline expires in the sweep", async () => {
  await redis.set("{test}:window", "0")
  const { job } = await submit({ deadlineSeconds: 1 })
  await redis.zadd("{test}:deadlines", 1, job.id)
  await ledger.sweep()
  const record = await ledger.read(job.id)
  assert.equal(record?.status, "expired")
  assert.equal(record.error?.code, "deadline_exceeded")
})

test("what was handed over and not heard of is offered again under the same turn", async () => {
  const task = await handedOver()
  assert.deepEqual(await ledger.sweep(), [])
  await redis.zadd("{test}:lease", 1, task.id)
  assert.deepEqual(await ledger.sweep(), [task])
})

test("a retry starts a new run that keeps the finished images", async () => {
  const task = await handedOver()
  const begun = await ledger.begin(task)
  assertBegun(begun)
  assert.equal((await ledger.retry(task.id, "acme")).kind, "active")
  await ledger.keep({ id: task.id, epoch: begun.epoch, index: 0, output, spent })
  const error = describeFailure(new JobFailure("upstream_error", "no"))
  await ledger.settle(
    { id: task.id, epoch: begun.epoch },
    ending({ kind: "end", status: "failed", outcome: "upstream_error", error, shortfall: null }),
  )
  const retried = await ledger.retry(task.id, "acme")
  assert.equal(retried.kind, "queued")
  const record = await ledger.read(task.id)
  assert.equal(record?.status, "queued")
  assert.equal(record.error, null)
  assert.equal(record.outputs.size, 1)
  assert.equal((await counters())["failed"], "0")
})

test("a removed job leaves no key behind but counters and the log of events", async () => {
  await handedOver()
  const { job } = await submit({ tenant: "acme", deadlineSeconds: 60 })
  const finished = await handedOver()
  const begun = await ledger.begin(finished)
  assertBegun(begun)
  await ledger.settle({ id: finished.id, epoch: begun.epoch }, ending(succeeded))
  assert.deepEqual(await ledger.remove([job.id], "someone-else"), [])
  const all = await redis.zrange("{test}:index:acme", "0", "-1")
  assert.equal((await ledger.remove(all, "acme")).length, 3)
  const left = (await redis.keys("*")).filter(
    (key) =>
      !/:(tenant:acme|totals|paces|rate|log:acme|outbox|fair-clock|ring|lanes:acme|heard|workers|window)$/.test(
        key,
      ),
  )
  assert.deepEqual(left, [])
  assert.equal((await counters())["leased"], "0")
})

test("a page of the list goes on where the one before ended, newest first", async () => {
  const ids: string[] = []
  for (let i = 0; i < 5; i++) ids.push((await submit()).job.id)
  const first = await ledger.list("acme", { limit: 2 })
  assert.deepEqual(
    first.records.map(({ id }) => id),
    [ids[4], ids[3]],
  )
  assert.ok(first.hasMore && first.cursor)
  const second = await ledger.list("acme", { limit: 5, after: first.cursor })
  assert.deepEqual(
    second.records.map(({ id }) => id),
    [ids[2], ids[1], ids[0]],
  )
  assert.equal(second.hasMore, false)
  assert.deepEqual((await ledger.list("nobody", { limit: 5 })).records, [])
})

test("a list is filtered by status, model and metadata", async () => {
  const { job: fox } = await submit({ spec: { ...newJob().spec, metadata: { sku: "1" } } })
  const { job: other } = await submit({ model: "other" })
  await ledger.cancel(other.id, "acme")
  const ids = async (filter: object) =>
    (await ledger.list("acme", { limit: 10, ...filter })).records.map(({ id }) => id)
  assert.deepEqual(await ids({ status: "canceled" }), [other.id])
  assert.deepEqual(await ids({ model: "other" }), [other.id])
  assert.deepEqual(await ids({ metadata: { sku: "1" } }), [fox.id])
  assert.deepEqual(await ids({ metadata: { sku: "2" } }), [])
  assert.deepEqual(await ids({ createdBefore: new Date(0) }), [])
})

const template: TemplateContent = {
  name: "Mug",
  description: "",
  type: "generation",
  prompt: "a mug",
  variables: [],
}

test("a template is kept for its tenant alone, and keeps the time of its making when it is replaced", async () => {
  const first = await ledger.templates.put("acme", "mug", template)
  assert.ok(first.kind === "created")
  const second = await ledger.templates.put("acme", "mug", { ...template, prompt: "two | mugs" })
  assert.ok(second.kind === "replaced")
  assert.equal(second.template.created_at, first.template.created_at)
  assert.deepEqual(await ledger.templates.read("acme", "mug"), second.template)
  assert.equal(await ledger.templates.read("globex", "mug"), undefined)
  assert.equal(await ledger.templates.remove("globex", "mug"), false)
  assert.equal(await ledger.templates.remove("acme", "mug"), true)
  assert.equal(await ledger.templates.read("acme", "mug"), undefined)
})

test("of a tenant's templates there are at most 500, and replacing one still works then", async () => {
  const ids = Array.from({ length: mostTemplates + 20 }, (_, n) => `t${String(n).padStart(3, "0")}`)
  const kinds = await Promise.all(
    ids.map(async (id) => (await ledger.templates.put("acme", id, template)).kind),
  )
  assert.equal(kinds.filter((kind) => kind === "created").length, mostTemplates)
  assert.equal(kinds.filter((kind) => kind === "full").length, 20)
  assert.equal((await ledger.templates.put("acme", "t000", template)).kind, "replaced")
  assert.equal((await ledger.templates.put("globex", "t000", template)).kind, "created")
  const listed = await ledger.templates.list("acme", { after: "t004", limit: 3 })
  assert.deepEqual(
    listed.map(({ id }) => id),
    ["t005", "t006", "t007"],
  )
})

test("the job of an earlier request is found by its key and content only", async () => {
  const idempotency = { key: "route:1", fingerprint: "same" }
  const { job } = await submit({}, idempotency)
  assert.equal((await ledger.madeBefore("acme", idempotency))?.id, job.id)
  assert.equal(await ledger.madeBefore("acme", { ...idempotency, fingerprint: "other" }), undefined)
  assert.equal(await ledger.madeBefore("globex", idempotency), undefined)
})

test("a turn that is over is not begun again while the job waits for its next one", async () => {
  await redis.set("{test}:window", 1)
  const task = await handedOver()
  assert.equal(await ledger.cancel(task.id, "acme"), "ended")
  await submit()
  const retried = await ledger.retry(task.id, "acme")
  assert.deepEqual(retried, { kind: "queued", ready: [] })
  assert.equal((await ledger.begin(task)).kind, "stale")
})

test("a claim whose answer was lost is given again, and another execution's is not", async () => {
  const task = await handedOver()
  const first = await ledger.begin(task, "one")
  const same = await ledger.begin(task, "one")
  assertBegun(first)
  assertBegun(same)
  assert.equal(same.epoch, first.epoch)
  assert.equal(same.record.attempts.length, 1)
  const other = await ledger.begin(task, "two")
  assertBegun(other)
  assert.equal(other.epoch, first.epoch + 1)
})

test("a settlement whose answer was lost can be sent again and changes nothing", async () => {
  const task = await handedOver()
  const begun = await ledger.begin(task)
  assertBegun(begun)
  const run = { id: task.id, epoch: begun.epoch }
  const end = ending(succeeded, { spent })
  assert.equal((await ledger.settle(run, end)).kind, "settled")
  assert.deepEqual(await ledger.settle(run, end), { kind: "settled", ready: [] })
  const record = await ledger.read(task.id)
  assert.equal(record?.usage.calls, 1)
  assert.equal(record.events.length, 3)
})

test("a run that waits for quotas is started once", async () => {
  const task = await handedOver()
  const wait = again({ delayMs: 1, free: true, blockedBy: "upstream_rpm" })
  for (const turn of [1, 2]) {
    const begun = await ledger.begin({ id: task.id, turn })
    assertBegun(begun)
    await ledger.settle({ id: task.id, epoch: begun.epoch }, ending(wait))
    await redis.zadd("{test}:later", 1, task.id)
    await ledger.dispatch()
  }
  const types = (await ledger.read(task.id))?.events.map(({ type }) => type)
  assert.deepEqual(types, ["job.queued", "job.started"])
})

test("a tenant behind hundreds that wait for a resting model has its turn", async () => {
  await redis.hset("{test}:rest", "m", `${Date.now() + 3_600_000}|upstream_rpd`)
  for (let n = 0; n < 250; n++) await submit({ tenant: `t${n}` })
  await redis.set("{test}:window", "0")
  const { job } = await submit({ tenant: "zoe", model: "other" })
  await redis.set("{test}:window", "32")
  const ready: Handover[] = []
  for (let round = 0; round < 5; round++) ready.push(...(await ledger.dispatch()))
  assert.deepEqual(ready, [{ id: job.id, turn: 1 }])
})

test("a tenant whose model rested has no credit when the rest is over", async () => {
  await redis.set("{test}:window", "0")
  for (let n = 0; n < 40; n++) await submit({ tenant: "rested" })
  for (let n = 0; n < 60; n++) await submit({ tenant: "busy", model: "other" })
  await redis.hset("{test}:rest", "m", `${Date.now() + 3_600_000}|upstream_rpm`)
  await redis.set("{test}:window", "20")
  assert.equal((await ledger.dispatch()).length, 20)
  await redis.del("{test}:rest")
  await redis.set("{test}:window", "40")
  const next = await ledger.dispatch()
  const tenants = await Promise.all(next.map(async ({ id }) => (await ledger.read(id))?.tenant))
  const share = tenants.filter((tenant) => tenant === "busy").length
  assert.ok(share >= 9 && share <= 11, `${share} of 20`)
})

test("every job past its deadline expires in one sweep", async () => {
  await redis.set("{test}:window", "0")
  for (let n = 0; n < 250; n++) {
    const { job } = await submit({ deadlineSeconds: 600 })
    await redis.zadd("{test}:deadlines", 1, job.id)
  }
  await ledger.sweep()
  assert.equal((await counters())["expired"], "250")
})

test("what a job used that was deleted while it ran is in its tenant's usage", async () => {
  const task = await handedOver()
  const begun = await ledger.begin(task)
  assertBegun(begun)
  await ledger.remove([task.id], "acme")
  const end = ending(succeeded, { spent, payer: begun.record })
  assert.equal((await ledger.settle({ id: task.id, epoch: begun.epoch }, end)).kind, "gone")
  const [usage = ""] = await redis.keys("{test}:usage:*")
  const rows = await redis.hgetall(usage)
  assert.deepEqual([rows["m|key_1|calls"], rows["m|key_1|cost"]], ["1", "33600000"])
  assert.equal(await redis.exists(`{test}:job:${task.id}`), 0)
})
