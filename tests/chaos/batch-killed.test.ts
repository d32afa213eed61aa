import assert from "node:assert/strict"
import { suite, test } from "node:test"

import { operations } from "@kiln/contract"

import { endedBatch, resultsOf, takeRows } from "../world/batches.ts"
import { plain } from "../world/plain.ts"
import { startRedisProxy } from "../world/redis-proxy.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

const items = 60
const rows = Array.from({ length: items }, (_, n) =>
  JSON.stringify({ custom_id: `${n}`, prompt: "a mug", ...plain }),
)
const body = rows.join("\n")
const type = "application/x-ndjson"

const callsOf = ({ emulator }: World): number =>
  emulator.calls.filter(({ path }) => path.includes(":generateContent")).length

suite("a batch whose processes are killed", () => {
  test("no item is lost or doubled when workers die while it is expanded and while it runs, or the API in an archive", async () => {
    await using world = await startWorld({
      workers: 0,
      emulator: { latencyMs: 100 },
      env: { KILN_CONCURRENCY: "8" },
    })
    await using proxy = await startRedisProxy(world.redisUrl)
    const first = await world.startWorker({ REDIS_URL: proxy.url })
    await world.make({ prompt: "warm up" })
    const warmUp = await takeRows(world, {
      type,
      body: JSON.stringify({ custom_id: "x", prompt: "warm up" }),
    })
    await endedBatch(world.client, warmUp.id)

    const expanded = proxy.stopAt("batch-expand", "command")
    const { id } = await takeRows(world, { type, body })
    await expanded
    first.kill("SIGKILL")
    await first.exited

    const second = await world.startWorker()
    await until(
      "a quarter is made",
      async () => {
        const { counts } = await world.client.send(operations.getBatch, { params: { id } })
        assert.equal(
          Object.values(counts).reduce((sum, count) => sum + count, 0),
          2 * items,
        )
        return counts.succeeded >= items / 4
      },
      { withinMs: 120_000 },
    )
    second.kill("SIGKILL")
    await second.exited
    await world.startWorker()
    const ended = await endedBatch(world.client, id, 120_000)
    assert.deepEqual([ended.status, ended.counts.total, ended.counts.succeeded], ["completed", items, items])
    const results = await resultsOf(world.client, id)
    assert.equal(new Set(results.map(({ custom_id }) => custom_id)).size, items)
    assert.equal(results.length, items)
    const jobs = await world.client.send(operations.listJobs, { query: { batch: id, limit: 100 } })
    assert.equal(new Set(jobs.data.map((job) => job.custom_id)).size, items)
    // Only calls that were in flight when their worker died may have been made twice.
    const calls = callsOf(world) - 2
    assert.ok(calls <= items + 2 * 8, `${calls} calls for ${items} pictures`)
    const ends = await world.redis.xrange(`{kiln}:batch-events:${id}`, "-", "+")
    assert.equal(ends.filter(([, fields]) => fields.includes("batch.completed")).length, 1)

    const archive = await world.client.request(operations.getBatchArchive, { params: { id } })
    const reader = archive.body?.getReader()
    await reader?.read()
    world.api?.kill("SIGKILL")
    await world.api?.exited
    // A connection that breaks off is no whole archive.
    await assert.rejects(async () => {
      for (let more = true; more;) more = (await reader?.read())?.done === false
    })
    await world.startApi()
    const whole = await world.client.request(operations.getBatchArchive, { params: { id } })
    const bytes = Buffer.from(await whole.arrayBuffer())
    assert.ok(bytes.includes("manifest.json"))
  })
})
