import assert from "node:assert/strict"
import { test } from "node:test"

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
      world.submit({ prompt: `mug ${n % 5}`, model: "gemini-2.5-flash-image" }),
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
