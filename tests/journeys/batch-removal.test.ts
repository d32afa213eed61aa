import assert from "node:assert/strict"
import { access, readdir } from "node:fs/promises"
import { join } from "node:path"
import { after, before, suite, test } from "node:test"

import { operations } from "@kiln/contract"

import { endedBatch, resultsOf, takeRows } from "../world/batches.ts"
import { plain } from "../world/plain.ts"
import { startRedisProxy } from "../world/redis-proxy.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

const type = "application/x-ndjson"
const bodyOf = (items: number) =>
  Array.from({ length: items }, (_, n) =>
    JSON.stringify({ custom_id: `${n}`, prompt: "a mug", ...plain }),
  ).join("\n")

suite("a batch that is removed", () => {
  let world: World
  before(async () => {
    world = await startWorld({ workers: 0, env: { KILN_CONCURRENCY: "8" } })
  })
  after(() => world[Symbol.asyncDispose]())

  /** All files of jobs that are in storage. */
  async function files(): Promise<string[]> {
    const objects = join(world.dataDir, "objects")
    await access(objects)
    const found = await readdir(objects, { recursive: true, withFileTypes: true })
    return found.flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []))
  }
  const filesOf = async (ids: readonly string[]) =>
    (await files()).filter((file) => ids.some((id) => file.includes(id)))
  const statusOf = async (method: string, path: string) => {
    const headers = { authorization: `Bearer ${world.key}` }
    return (await fetch(`${world.url}/v1${path}`, { method, headers })).status
  }

  test("its record, jobs and images go though a worker dies in the middle, and nothing else goes", async () => {
    await using proxy = await startRedisProxy(world.redisUrl)
    const first = await world.startWorker({ REDIS_URL: proxy.url })
    const other = await takeRows(world, { type, body: bodyOf(2) })
    const batch = await takeRows(world, { type, body: bodyOf(45) })
    await endedBatch(world.client, other.id)
    await endedBatch(world.client, batch.id)
    const jobs = (await resultsOf(world.client, batch.id)).flatMap(({ job }) => job ?? [])
    assert.equal(jobs.length, 45)
    assert.ok((await filesOf([...jobs, batch.id])).length > 45)

    const stopped = proxy.stopAt("batch-removed", "command")
    assert.equal(await statusOf("DELETE", `/batches/${batch.id}`), 204)
    // Nobody sees it from now on, however much is left of it.
    for (const path of ["", "/items", "/results", "/archive", "/contact-sheet", "/events"]) {
      assert.equal(await statusOf("GET", `/batches/${batch.id}${path}`), 404, path)
    }
    for (const act of ["cancel", "pause", "resume", "retry-failed"]) {
      assert.equal(await statusOf("POST", `/batches/${batch.id}/${act}`), 404, act)
    }
    assert.equal(await statusOf("DELETE", `/batches/${batch.id}`), 404)
    const listed = await world.client.send(operations.listBatches, {})
    assert.deepEqual(
      listed.data.map(({ id }) => id),
      [other.id],
    )
    await stopped
    first.kill("SIGKILL")
    await first.exited
    assert.ok((await filesOf(jobs)).length > 0)
    await world.startWorker()
    await until(
      "all of it is gone",
      async () => (await world.redis.exists(`{kiln}:batch:${batch.id}`)) === 0,
      { withinMs: 60_000 },
    )
    assert.deepEqual(await filesOf([...jobs, batch.id]), [])
    for (const id of jobs) assert.equal(await statusOf("GET", `/jobs/${id}`), 404)
    assert.deepEqual(await world.redis.keys(`{kiln}:*${batch.id}*`), [])
    assert.equal(await world.redis.zcard("{kiln}:images"), 0)
    const kept = (await resultsOf(world.client, other.id)).flatMap(({ job }) => job ?? [])
    assert.equal(kept.length, 2)
    assert.ok((await filesOf(kept)).length >= 2)
  })

  test("one that runs is to be canceled first, and one of others is not there", async () => {
    await using worker = await world.startWorker()
    assert.ok(worker)
    const body = JSON.stringify({
      custom_id: "a",
      prompt: "a mug",
      not_before: new Date(Date.now() + 3_600_000).toISOString(),
    })
    const { id } = await takeRows(world, { type, body })
    assert.equal(await statusOf("DELETE", `/batches/${id}`), 409)
    const stranger = await world.client.send(operations.createKey, {
      body: { tenant: "stranger", scopes: ["jobs:write", "jobs:read"] },
    })
    const refused = await fetch(`${world.url}/v1/batches/${id}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${stranger.key}` },
    })
    assert.equal(refused.status, 404)
    await world.client.send(operations.cancelBatch, { params: { id } })
    await endedBatch(world.client, id)
    assert.equal(await statusOf("DELETE", `/batches/${id}`), 204)
    await until("it is gone", async () => (await world.redis.exists(`{kiln}:batch:${id}`)) === 0, {
      withinMs: 60_000,
    })
  })
})
