import assert from "node:assert/strict"
import { suite, test } from "node:test"

import { operations } from "@kiln/contract"

import { endedBatch, postRows, takeRows } from "../world/batches.ts"
import { booksBalance } from "../world/books.ts"
import { startRedisProxy, type RedisProxy } from "../world/redis-proxy.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

/** Longer than an id may be out of the queue's sight, and than a batch may be read by nobody. */
const healedMs = 120_000

const body = { prompt: "a survivor" }
const headers = { "idempotency-key": "survivor" }
const rows = { type: "application/x-ndjson", body: JSON.stringify({ custom_id: "a", ...body }), headers }

type CutWorld = AsyncDisposable & { world: World; proxy: RedisProxy; killApi(): Promise<void> }

/** An API behind a Redis that can be cut, and one job and one batch done so that every script is known to Redis. */
async function startCutWorld(): Promise<CutWorld> {
  await using opened = new AsyncDisposableStack()
  const world = opened.use(await startWorld({ api: false }))
  const proxy = opened.use(await startRedisProxy(world.redisUrl))
  const api = await world.startApi({ REDIS_URL: proxy.url })
  await world.make({ prompt: "warm up" })
  const warmUp = { type: rows.type, body: JSON.stringify({ prompt: "warm up", custom_id: "w" }) }
  await endedBatch(world.client, (await takeRows(world, warmUp)).id)
  const all = opened.move()
  const killApi = async () => {
    api.kill("SIGKILL")
    await api.exited
  }
  return { world, proxy, killApi, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** Jobs of a single prompt beside the one that warmed up. */
async function survivors({ client }: World) {
  const { data } = await client.send(operations.listJobs, { query: { limit: 100 } })
  return data.filter(({ prompt }) => prompt === body.prompt)
}

const callsAfterWarmUp = ({ emulator }: World): number =>
  emulator.calls.filter(({ path }) => path.includes(":generateContent")).length - 2

/** It ended once, with one image that was bought once. */
async function endedOnce(world: World, id: string): Promise<void> {
  const job = await world.ended(id, healedMs)
  assert.equal(job.status, "succeeded", JSON.stringify(job))
  assert.deepEqual([job.outputs.length, job.attempts.length, callsAfterWarmUp(world)], [1, 1, 1])
  await booksBalance(world, id)
}

suite("an API killed while it takes jobs", { concurrency: 4 }, () => {
  test("before the job is written there is none, and the caller's repetition makes it", async () => {
    await using cut = await startCutWorld()
    const stopped = cut.proxy.stopAt("submit", "command")
    const unanswered = assert.rejects(cut.world.submit(body, headers))
    await stopped
    await cut.killApi()
    await unanswered
    await cut.world.startApi()
    assert.deepEqual(await survivors(cut.world), [])
    const { id } = await cut.world.submit(body, headers)
    await endedOnce(cut.world, id)
  })

  test("when the job is written and nobody knows, it is made, and the caller's repetition gets that one", async () => {
    await using cut = await startCutWorld()
    const stopped = cut.proxy.stopAt("submit", "answer")
    const unanswered = assert.rejects(cut.world.submit(body, headers))
    await stopped
    await cut.killApi()
    await unanswered
    await cut.world.startApi()
    const [job, ...others] = await survivors(cut.world)
    assert.ok(job)
    assert.deepEqual(others, [])
    assert.equal((await cut.world.submit(body, headers)).id, job.id)
    await endedOnce(cut.world, job.id)
    assert.equal((await survivors(cut.world)).length, 1)
  })

  test("when it has answered 202 and the queue has not got the id, the sweep offers it again", async () => {
    await using cut = await startCutWorld()
    const stopped = cut.proxy.stopBefore("{kiln}bull:images:")
    const { id } = await cut.world.submit(body)
    await stopped
    await cut.killApi()
    assert.equal(await cut.world.redis.zcard("{kiln}:lease"), 1)
    await cut.world.startApi()
    await endedOnce(cut.world, id)
  })

  test("while it reads the rows of a batch, that one fails, and the caller's repetition makes another", async () => {
    await using cut = await startCutWorld()
    const stopped = cut.proxy.stopAt("batch-create", "command")
    const unanswered = assert.rejects(postRows(cut.world, rows))
    await stopped
    await cut.killApi()
    await unanswered
    await cut.world.startApi()
    assert.equal((await postRows(cut.world, rows)).status, 409)
    const lost = await until(
      "it has failed",
      async () => {
        const { data } = await cut.world.client.send(operations.listBatches, { query: { status: "failed" } })
        return data[0]
      },
      { withinMs: healedMs, everyMs: 500 },
    )
    const { id } = await takeRows(cut.world, rows)
    assert.notEqual(id, lost.id)
    const ended = await endedBatch(cut.world.client, id)
    assert.deepEqual([ended.status, ended.counts.total, ended.counts.succeeded], ["completed", 1, 1])
    assert.equal(callsAfterWarmUp(cut.world), 1)
  })
})
