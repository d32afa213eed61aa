import assert from "node:assert/strict"
import { after, before, beforeEach, test } from "node:test"

import { newId } from "@kiln/contract"
import { itemJobId } from "@kiln/jobs"
import type { Redis } from "ioredis"

import { createLedger, type Ledger } from "./ledger.ts"
import { plainVault } from "./testing/plain-vault.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob } from "./testing/sample-job.ts"

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
})

/** So many open batches of one tenant, each with items that wait. */
async function openBatches(count: number, items: number, maxParallel: number | null = null): Promise<void> {
  const usual = { tenant: "acme", key: "key_1", name: null, priority: null, deadlineSeconds: null }
  for (let n = 0; n < count; n++) {
    const id = newId("bat")
    await ledger.batches.begin({ ...usual, id, maxParallel, resumedFrom: null }, undefined)
    const read = { items, estimatedNanoUsd: 7, takenOver: 0, refused: { count: 0, errors: [] } }
    assert.ok(await ledger.batches.create(id, read))
  }
  for (let batch = await ledger.batchWork.take(); batch; batch = await ledger.batchWork.take()) {
    const { id, tenant, counts } = batch
    const jobs = Array.from({ length: counts.total }, (_, at) => ({
      job: newJob({ id: itemJobId(id, at), tenant, batch: id, customId: `${at}` }),
    }))
    await ledger.batchWork.expand(batch, 0, jobs)
  }
}

async function callsOf(command: string): Promise<number> {
  const stats = await redis.info("commandstats")
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, "m").exec(stats)?.[1] ?? 0)
}

test("a hand-over looks at each open batch once, however many jobs it hands over", async () => {
  await openBatches(50, 4)
  await ledger.beat("w", 75, 60_000)
  await redis.config("RESETSTAT")
  const ready = await ledger.dispatch()
  const out = await redis.zcard("{t}:lease")
  assert.equal(out, 150)
  assert.equal(new Set(ready.map(({ id }) => id)).size, ready.length)
  assert.ok(ready.length > 100, `${ready.length}`)
  // The ring at each turn, a lane's next job after each, and every lane once.
  assert.ok((await callsOf("zrange")) <= 2 * ready.length + 51 + 1, `${await callsOf("zrange")}`)
})

test("and keeps to the most that each of them may have out", async () => {
  await openBatches(10, 6, 2)
  await ledger.beat("w", 75, 60_000)
  await ledger.dispatch()
  const out = await redis.zrange("{t}:lease", "0", "-1")
  const batches = await Promise.all(out.map((id) => redis.hget(`{t}:job:${id}`, "batch")))
  const counts = Map.groupBy(batches, (batch) => batch)
    .values()
    .map(({ length }) => length)
  assert.deepEqual(
    [...counts],
    Array.from({ length: 10 }, () => 2),
  )
})

test("the oldest goes first over all batches, and the more important before it", async () => {
  await openBatches(5, 2)
  const urgent = newJob({ priority: "high" })
  await ledger.submit({ job: urgent, idempotency: undefined })
  const waiting = await redis.zrange("{t}:lease", "0", "-1")
  await ledger.beat("w", 75, 60_000)
  const ready = await ledger.dispatch()
  const ids = ready.map(({ id }) => id)
  assert.equal(ids[0], urgent.id)
  assert.deepEqual(ids.slice(1), ids.slice(1).toSorted())
  assert.equal(ids.length + waiting.length, 11)
})
