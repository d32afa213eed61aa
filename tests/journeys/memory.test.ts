import assert from "node:assert/strict"
import { test } from "node:test"

import { memoryMib } from "../bench/process-usage.ts"
import { takeRows } from "../world/batches.ts"
import { plain } from "../world/plain.ts"
import { until } from "../world/until.ts"
import { startWorld } from "../world/world.ts"

test("Redis is as empty after jobs have finished and expired as it was before", async () => {
  await using world = await startWorld({
    // Two seconds of retention, so that the rounds of the worker have something to remove.
    env: { KILN_RETENTION_DAYS: String(2 / 86_400) },
    workerEnv: { KILN_CONCURRENCY: "64" },
    emulator: { latencyMs: 0 },
  })
  const keysOfJobs = async () => (await world.redis.keys("*job_*")).length
  const jobs = await Promise.all(
    Array.from({ length: 150 }, (_, n) =>
      world.submit({ prompt: `mug ${n % 5}`, model: "gemini-2.5-flash-image", ...plain }),
    ),
  )
  assert.ok((await keysOfJobs()) > 0)
  await Promise.all(
    jobs.map(({ id }) =>
      until(
        "it has ended",
        async () =>
          (await world.redis.hget(`{kiln}:job:${id}`, "completed")) ??
          !(await world.redis.exists(`{kiln}:job:${id}`)),
      ),
    ),
  )
  await until("every record is removed", async () => (await keysOfJobs()) === 0, {
    withinMs: 90_000,
    everyMs: 250,
  })
  for (const index of [
    "index:default",
    "index:default:succeeded",
    "lease",
    "later",
    "deadlines",
    "retention",
  ]) {
    assert.equal(await world.redis.zcard(`{kiln}:${index}`), 0, index)
  }
  const left = await world.redis.keys("{kiln}bull:*")
  assert.deepEqual(
    left.filter((key) => /:job_/.test(key)),
    [],
  )
  const id = jobs[0]?.id ?? ""
  const gone = await fetch(`${world.url}/v1/jobs/${id}`, {
    headers: { authorization: `Bearer ${world.key}` },
  })
  assert.equal(gone.status, 410)
})

/** Rows as shops have them. */
const csvOf = (rows: number): string => {
  const prompt =
    "A studio photograph of a hand-thrown stoneware mug with an ash glaze on a walnut table, soft window light from " +
    "the left, shallow depth of field, a linen cloth in the background, no text, no people, product"
  const lines = Array.from({ length: rows }, (_, n) => `SKU-${String(n).padStart(6, "0")},"${prompt} ${n}"`)
  return ["custom_id,prompt", ...lines].join("\r\n")
}

test("the largest batch is taken in little more memory than a small one", async () => {
  await using world = await startWorld({ workers: 0 })
  const peakMib = () => memoryMib(world.api?.pid ?? 0).peakMib
  await takeRows(world, { type: "text/csv", body: csvOf(2_000) })
  const small = peakMib()
  const made = await takeRows(world, { type: "text/csv", body: csvOf(100_000) })
  assert.equal(made.counts.total, 100_000)
  const largest = peakMib()
  assert.ok(largest < 300e6 / 2 ** 20, `${largest} MiB`)
  // The names that were seen are 20 MiB, and the rest is what V8 leaves lying about.
  assert.ok(largest - small < 64, `${largest} MiB, with 2 000 rows ${small}`)
})
