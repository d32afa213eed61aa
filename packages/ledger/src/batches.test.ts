import assert from "node:assert/strict"
import { after, before, beforeEach, suite, test } from "node:test"

import { newId } from "@kiln/contract"
import { itemJobId, nanoUsdPerUsd } from "@kiln/jobs"
import type { Redis } from "ioredis"

import type { BatchRecord, NewBatch } from "./batch-record.ts"
import type { Handover } from "./handover.ts"
import { createLedger, ledgerPrefix, type Ledger } from "./ledger.ts"
import { noLimits } from "./limits.ts"
import type { AttemptEnd } from "./runs.ts"
import { audit } from "./testing/audit.ts"
import { plainVault } from "./testing/plain-vault.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob } from "./testing/sample-job.ts"

const spent = { calls: 1, input: 1, output: 1, costNanoUsd: 5 }
const end = (status: "succeeded" | "failed"): AttemptEnd => ({
  settlement: {
    kind: "end",
    status,
    outcome: status === "failed" ? "internal" : status,
    error: null,
    shortfall: null,
  },
  upstreamStatus: null,
  charged: "yes",
  spent,
  text: null,
  textKey: null,
  warned: [],
})

const itemsOf = ({ id, tenant }: BatchRecord, from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => ({
    job: newJob({ id: itemJobId(id, from + n), tenant, batch: id, customId: `c${from + n}` }),
  }))

suite("batches in the ledger", () => {
  let server: AsyncDisposable & { redis: Redis }
  let redis: Redis
  let ledger: Ledger
  before(async () => {
    server = await startRedis()
    redis = server.redis
  })
  after(() => server[Symbol.asyncDispose]())
  beforeEach(async () => {
    await redis.flushall()
    ledger = createLedger({ redis, prefix: "t", retentionMs: 60_000, vault: plainVault })
    await ledger.beat("w", 16, 60_000)
  })

  async function batchOf(items: number, change: Partial<NewBatch> = {}): Promise<string> {
    const id = newId("bat")
    const batch: NewBatch = {
      id,
      tenant: "acme",
      key: "key_1",
      name: null,
      priority: null,
      maxParallel: null,
      deadlineSeconds: null,
      resumedFrom: null,
      ...change,
    }
    assert.deepEqual(await ledger.batches.begin(batch, undefined), { kind: "begun" })
    const read = { items, estimatedNanoUsd: 7, takenOver: 0, refused: { count: 0, errors: [] } }
    assert.ok(await ledger.batches.create(id, read))
    return id
  }

  async function record(id: string): Promise<BatchRecord> {
    const found = await ledger.batches.read(id)
    assert.ok(found)
    return found
  }

  /** Expands as the worker does, until there is nothing to be done now. */
  async function work(most = 50): Promise<Handover[]> {
    const ready: Handover[] = []
    for (let step = 0; step < 500; step++) {
      const batch = await ledger.batchWork.take()
      if (!batch) break
      const { cursor, counts } = batch
      if (batch.cancelRequestedAt) {
        let at = "0"
        do at = await ledger.batchWork.stop(batch.id, at)
        while (at !== "0")
        continue
      }
      const done = await ledger.batchWork.expand(
        batch,
        cursor,
        itemsOf(batch, cursor, Math.min(cursor + most, counts.total)),
      )
      ready.push(...done.ready)
    }
    return ready
  }

  async function run(ready: readonly Handover[], status: "succeeded" | "failed"): Promise<void> {
    const todo = [...ready]
    for (let task = todo.shift(); task; task = todo.shift()) {
      const begun = await ledger.begin(task)
      if (begun.kind !== "begun") continue
      const settled = await ledger.settle({ id: task.id, epoch: begun.epoch }, end(status))
      if (settled.kind === "settled") todo.push(...settled.ready)
    }
  }

  const check = () => audit(redis, ledgerPrefix("t"))

  test("what a batch will cost is set aside as a whole, and passes to its items", async () => {
    await ledger.limits.put("acme", { ...noLimits, daily_budget_usd: 10 / nanoUsdPerUsd })
    const reserved = async () => (await ledger.usage.standing("acme", new Date())).reserved
    const id = await batchOf(3)
    assert.equal(await reserved(), 7)
    await assert.rejects(batchOf(1), { code: "budget_exceeded" })
    const batch = await ledger.batchWork.take()
    assert.ok(batch)
    const items = [2, 3].map((estimateNanoUsd, index) => ({
      job: newJob({ id: itemJobId(id, index), batch: id, estimateNanoUsd }),
    }))
    await ledger.batchWork.expand(batch, 0, items)
    assert.equal(await reserved(), 7)
    await ledger.cancel(itemJobId(id, 0), "acme")
    assert.equal(await reserved(), 5)
    await check()
    await ledger.batches.act(id, "acme", "cancel")
    assert.equal(await reserved(), 3, "what is no job yet costs nothing any more")
    await work()
    assert.equal(await reserved(), 0)
    await check()
  })

  const takeDeliveries = async () =>
    (await ledger.deliveries.take({ most: 100, slots: 100, leaseMs: 60_000 })).taken

  test("a batch's own webhook is told how it ended, of its items only when asked to", async () => {
    const url = "https://a.example/"
    const id = await batchOf(2, { webhook: { url } })
    const whole = await batchOf(2, { webhook: { url, events: ["*"], headers: { A: "b" } } })
    const none = await batchOf(1)
    await run(await work(), "succeeded")
    await check()
    const told = new Map<string, string[]>()
    for (let taken = await takeDeliveries(); taken.length > 0; taken = await takeDeliveries()) {
      for (const each of taken) {
        assert.equal(each.url, url)
        const { subject, type } = each.event
        const batch = subject.startsWith("bat_") ? subject : String((await ledger.read(subject))?.batch)
        assert.deepEqual(each.headers, batch === whole ? { A: "b" } : {})
        told.set(batch, [...(told.get(batch) ?? []), type])
        const tried = { at: new Date(), statusCode: 200, ms: 1, error: null, response: null }
        await ledger.deliveries.record(each, tried, { kind: "delivered" })
      }
    }
    await check()
    assert.deepEqual(told.get(id), ["batch.completed"])
    assert.equal(told.has(none), false)
    const all = told.get(whole) ?? []
    assert.equal(all.filter((type) => type === "job.started").length, 2)
    assert.equal(all.filter((type) => type === "job.succeeded").length, 2)
    assert.equal(all.filter((type) => type === "batch.completed").length, 1)
    const { events } = await ledger.events.after("acme", { after: undefined, limit: 100 })
    const notes = await ledger.batches.notes(whole, undefined, 100)
    const ended = events.find((event) => event.subject === whole && event.type === "batch.completed")
    assert.equal(notes.find(({ type }) => type === "batch.completed")?.event, ended?.id)
  })

  test("a batch is expanded, run and completed, with counts that add up at every step", async () => {
    const id = await batchOf(120)
    assert.equal((await record(id)).counts.queued, 120)
    await check()
    const ready = await work()
    await check()
    assert.ok(ready.length > 0)
    await run(ready, "succeeded")
    await check()
    const { status, counts, costNanoUsd, completedAt } = await record(id)
    assert.equal(status, "completed")
    assert.deepEqual(
      { ...counts },
      { total: 120, queued: 0, running: 0, succeeded: 120, failed: 0, canceled: 0, expired: 0 },
    )
    assert.equal(costNanoUsd, 600)
    assert.ok(completedAt)
    const types = (await ledger.batches.notes(id, undefined, 1_000)).map(({ type }) => type)
    assert.equal(types.filter((type) => type === "job.succeeded").length, 120)
    assert.equal(types.filter((type) => type === "batch.completed").length, 1)
    assert.equal(types.at(-1), "batch.completed")
  })

  test("of two workers that expand the same items one does it", async () => {
    const id = await batchOf(10)
    const batch = await record(id)
    const twice = await Promise.all(
      [0, 1].map(() => ledger.batchWork.expand(batch, 0, itemsOf(batch, 0, 10))),
    )
    assert.deepEqual(new Set(twice.map(({ next }) => next)), new Set([10, undefined]))
    await check()
  })

  test("a large batch becomes jobs only as fast as they end", async () => {
    const id = await batchOf(2_500)
    await redis.set("{t}:window", 10)
    const ready = await work()
    assert.equal((await record(id)).cursor, 2_000)
    assert.equal(await ledger.batchWork.take(), undefined)
    await redis.set("{t}:window", 1_100)
    await run([...ready, ...(await ledger.dispatch())], "succeeded")
    await check()
    for (let round = 0; round < 200 && (await record(id)).status === "running"; round++) {
      await run([...(await work()), ...(await ledger.dispatch())], "succeeded")
    }
    assert.equal((await record(id)).counts.succeeded, 2_500)
    await check()
  })

  test("a batch whose tenant's queue is full is looked at again after a while, not at once", async () => {
    await ledger.limits.put("acme", { ...noLimits, queued_jobs: 2 })
    const id = await batchOf(4)
    await work()
    assert.equal((await record(id)).cursor, 2)
    assert.equal(await ledger.batchWork.take(), undefined)
    await redis.zadd("{t}:batch-work", 1, id)
    assert.equal((await ledger.batchWork.take())?.id, id)
    await check()
  })

  test("a paused batch gives nothing out until it is resumed", async () => {
    const id = await batchOf(5)
    await redis.set("{t}:window", 2)
    const ready = await work()
    assert.equal(ready.length, 2)
    assert.equal(await ledger.batches.act(id, "acme", "pause"), "done")
    await run(ready, "succeeded")
    assert.deepEqual(await ledger.dispatch(), [])
    await check()
    const alone = await ledger.submit({ job: newJob({ tenant: "acme" }), idempotency: undefined })
    assert.equal(alone.kind === "created" && alone.ready.length, 1)
    assert.equal(await ledger.batches.act(id, "acme", "resume"), "done")
    await run(await ledger.dispatch(), "succeeded")
    assert.equal((await record(id)).status, "completed")
  })

  test("never more than max_parallel items are out, and others go on meanwhile", async () => {
    const id = await batchOf(9, { maxParallel: 3 })
    let ready = await work()
    assert.equal(ready.length, 3)
    for (let round = 0; round < 20 && ready.length > 0; round++) {
      await check()
      const [task, ...rest] = ready
      assert.ok(task)
      await run([task], "succeeded")
      ready = [...rest, ...(await ledger.dispatch())]
    }
    assert.equal((await record(id)).status, "completed")
  })

  test("a canceled batch ends what waits at once, aborts what runs, and says so once", async () => {
    const id = await batchOf(3_000)
    await redis.set("{t}:window", 3)
    const [first] = await work()
    assert.ok(first)
    const begun = await ledger.begin(first)
    assert.equal(begun.kind, "begun")
    assert.equal(await ledger.batches.act(id, "acme", "cancel"), "done")
    assert.equal((await record(id)).counts.canceled, 1_000)
    await check()
    await work()
    await check()
    assert.deepEqual(await ledger.canceledAmong([first.id]), [first.id])
    assert.equal((await record(id)).status, "running")
    await ledger.settle({ id: first.id, epoch: begun.kind === "begun" ? begun.epoch : 0 }, end("succeeded"))
    const { status, counts } = await record(id)
    assert.deepEqual([status, counts.canceled, counts.succeeded], ["canceled", 2_999, 1])
    assert.equal(await ledger.batches.act(id, "acme", "cancel"), "terminal")
    await check()
  })

  test("failed items run again alone, and the batch ends a second time", async () => {
    const id = await batchOf(6)
    const ready = await work()
    await run(ready.slice(0, 4), "succeeded")
    await run(ready.slice(4), "failed")
    assert.equal((await record(id)).counts.failed, 2)
    assert.equal(await ledger.batches.act(id, "acme", "retry"), "done")
    const batch = await ledger.batchWork.take()
    assert.equal(batch?.redo, 0)
    const marks = await ledger.batches.marks(await record(id))
    const jobs = [0, 1, 2, 3, 4, 5].filter((n) => marks.endOf(n) === "failed").map((n) => itemJobId(id, n))
    const again = await ledger.batchWork.redo(id, { from: 0, next: undefined, jobs })
    assert.deepEqual(
      again.map(({ id: job }) => job),
      jobs,
    )
    await check()
    await run(again, "succeeded")
    const { status, counts } = await record(id)
    assert.deepEqual([status, counts.succeeded, counts.failed], ["completed", 6, 0])
    await check()
  })

  test("a batch ends once though the first items that run again have ended before the last begin", async () => {
    const id = await batchOf(2)
    await run(await work(), "failed")
    await ledger.batches.act(id, "acme", "retry")
    await check()
    const redo = async (from: number, next: number | undefined) => {
      const ready = await ledger.batchWork.redo(id, { from, next, jobs: [itemJobId(id, from)] })
      await run(ready, "succeeded")
      await check()
    }
    await redo(0, 1)
    assert.equal((await record(id)).status, "running")
    await redo(1, undefined)
    assert.equal((await record(id)).status, "completed")
    const told = await redis.xrange(`{t}:batch-events:${id}`, "-", "+")
    assert.equal(told.filter(([, fields]) => fields[3] === "batch.completed").length, 2)
  })

  test("an item that is removed counts as canceled, and one that is tried again opens its batch", async () => {
    const id = await batchOf(2)
    await redis.set("{t}:window", 1)
    const [first] = await work()
    assert.ok(first)
    await ledger.remove([itemJobId(id, 1)], "acme")
    await run([first], "failed")
    assert.deepEqual([(await record(id)).status, (await record(id)).counts.canceled], ["completed", 1])
    const again = await ledger.retry(first.id, "acme")
    assert.equal((await record(id)).status, "running")
    await run(again.kind === "queued" ? again.ready : [], "succeeded")
    assert.equal((await record(id)).status, "completed")
    await check()
  })

  test("a batch whose reader died fails, and an Idempotency-Key makes one batch", async () => {
    const batch = { ...(await record(await batchOf(1))), id: newId("bat"), deadlineSeconds: null }
    const idempotency = { key: "k", fingerprint: "f" }
    assert.deepEqual(await ledger.batches.begin(batch, idempotency), { kind: "begun" })
    const second = { ...batch, id: newId("bat") }
    assert.deepEqual(await ledger.batches.begin(second, idempotency), { kind: "running" })
    assert.deepEqual(await ledger.batches.begin(second, { ...idempotency, fingerprint: "g" }), {
      kind: "mismatch",
    })
    await redis.hset(`{t}:batch:${batch.id}`, "beat", 1)
    await redis.zadd("{t}:batch-work", 1, batch.id)
    await work()
    assert.equal((await record(batch.id)).status, "failed")
    assert.deepEqual(await ledger.batches.begin(second, idempotency), { kind: "begun" })
    const rows = { items: 1, estimatedNanoUsd: 7, takenOver: 0, refused: { count: 0, errors: [] } }
    assert.ok(await ledger.batches.create(second.id, rows))
    assert.deepEqual(await ledger.batches.begin({ ...batch, id: newId("bat") }, idempotency), {
      kind: "replayed",
      id: second.id,
    })
    await check()
  })
})
