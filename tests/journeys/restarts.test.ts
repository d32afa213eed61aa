import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"

import { freePort } from "../world/free-port.ts"
import { plain } from "../world/plain.ts"
import { startProcess } from "../world/running-process.ts"
import { until } from "../world/until.ts"
import { startWorld } from "../world/world.ts"

test("a worker that is told to stop lets its jobs end and exits with 0", async () => {
  await using world = await startWorld()
  const [worker] = world.workers
  assert.ok(worker)
  const job = await world.submit({ prompt: "nearly done [[slow:1]]" })
  await until("it runs", async () => (await world.job(job.id)).status === "running")
  worker.kill("SIGTERM")
  assert.equal(await worker.exited, 0)
  const ended = await world.job(job.id)
  assert.equal(ended.status, "succeeded")
  assert.equal(ended.attempts.length, 1)
})

test("a job that does not end within the grace time is handed back and costs no attempt", async () => {
  await using world = await startWorld({ workerEnv: { KILN_GRACE: "2" } })
  const [worker] = world.workers
  assert.ok(worker)
  const job = await world.submit({ prompt: "slow [[slow:8]]" })
  await until("it runs", async () => (await world.job(job.id)).status === "running")
  worker.kill("SIGTERM")
  assert.equal(await worker.exited, 0)
  const handedBack = await world.job(job.id)
  assert.equal(handedBack.status, "queued")
  assert.deepEqual(
    handedBack.attempts.map(({ outcome, charged }) => [outcome, charged]),
    [["handed_back", "unknown"]],
  )
  await world.startWorker()
  const ended = await world.ended(job.id)
  assert.equal(ended.status, "succeeded")
  assert.equal(ended.usage.charged, "unknown")
})

test("jobs that are submitted while no worker is there are done when one comes", async () => {
  await using world = await startWorld({ workers: 0 })
  const jobs = await Promise.all(
    Array.from({ length: 60 }, () => world.submit({ prompt: "a mug", ...plain })),
  )
  assert.equal((await fetch(`${world.url}/readyz`)).status, 503)
  await world.startWorker()
  const ended = await Promise.all(jobs.map(({ id }) => world.ended(id)))
  assert.deepEqual([...new Set(ended.map(({ status }) => status))], ["succeeded"])
})

test("the API can be killed and started anew: every job that was accepted is still there", async () => {
  await using world = await startWorld()
  const jobs = await Promise.all(
    Array.from({ length: 20 }, () => world.submit({ prompt: "a mug", ...plain })),
  )
  world.api?.kill("SIGKILL")
  await world.api?.exited
  await world.startApi()
  const ended = await Promise.all(jobs.map(({ id }) => world.ended(id)))
  assert.deepEqual([...new Set(ended.map(({ status }) => status))], ["succeeded"])
})

test("the API that is told to stop is not ready any more, ends and exits with 0", async () => {
  await using world = await startWorld()
  const job = await world.submit({ prompt: "slow [[slow:20]]" })
  const waiting = fetch(`${world.url}/v1/jobs/${job.id}?wait=60`, {
    headers: { authorization: `Bearer ${world.key}` },
  })
  await until("the wait is there", async () => (await world.job(job.id)).status === "running")
  world.api?.kill("SIGTERM")
  assert.equal(await world.api?.exited, 0)
  const answer = await waiting
  assert.equal(answer.status, 200)
  assert.equal(((await answer.json()) as { status: string }).status, "running")
})

test("the API that never found its Redis is alive, and stops when it is told to", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "kiln-alone-"))
  t.after(() => rm(dataDir, { recursive: true, force: true }))
  const [port, nobody] = await Promise.all([freePort(), freePort()])
  await using api = startProcess("apps/api/src/main.ts", {
    REDIS_URL: `redis://127.0.0.1:${nobody}`,
    KILN_PORT: `${port}`,
    KILN_DATA_DIR: dataDir,
    KILN_GRACE: "1",
  })
  await api.printed(/"msg":"listening"/)
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200)
  const ready = await fetch(`http://127.0.0.1:${port}/readyz`)
  const { checks } = (await ready.json()) as { checks: Record<string, { ok: boolean }> }
  assert.deepEqual([ready.status, checks["redis"]?.ok, checks["storage"]?.ok], [503, false, true])
  api.kill("SIGTERM")
  assert.equal(await api.exited, 0)
})
