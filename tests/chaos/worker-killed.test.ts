import assert from "node:assert/strict"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { suite, test, type TestContext } from "node:test"

import { operations, type Job } from "@kiln/contract"

import { booksBalance } from "../world/books.ts"
import { startHttpGate } from "../world/http-gate.ts"
import { largePhoto } from "../world/large-photo.ts"
import { servePhoto } from "../world/photo-server.ts"
import { startRedisProxy, type RedisProxy, type Side } from "../world/redis-proxy.ts"
import { startS3Server } from "../world/s3-server.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

/** From the kill to the end of the job by another worker: half a minute, and more where the machine is busy. */
const recoveryMs = 120_000

type Expected = { calls: number; outcomes: string[]; charged: "yes" | "unknown" }

/** A worker behind a Redis that can be cut, and one job done so that every script is known to Redis. */
async function startCutWorld(): Promise<AsyncDisposable & { world: World; proxy: RedisProxy }> {
  await using opened = new AsyncDisposableStack()
  const world = opened.use(await startWorld({ workers: 0, env: { KILN_ALLOW_PRIVATE: "inputs" } }))
  const proxy = opened.use(await startRedisProxy(world.redisUrl))
  await world.startWorker({ REDIS_URL: proxy.url })
  await world.make({ prompt: "warm up" })
  const all = opened.move()
  return { world, proxy, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** Kills the only worker, starts another, and checks that everything adds up. */
async function recover(t: TestContext, world: World, { id }: Job, expected: Expected): Promise<void> {
  const [worker] = world.workers
  worker?.kill("SIGKILL")
  await worker?.exited
  const killedAt = Date.now()
  await world.startWorker()
  const job = await world.ended(id, recoveryMs)
  t.diagnostic(`begun again after ${Date.parse(job.attempts.at(-1)?.started_at ?? "") - killedAt} ms`)
  assert.equal(job.status, "succeeded", JSON.stringify(job))
  assert.equal(job.outputs.length, 1)
  assert.equal((await fetch(job.outputs[0]?.url ?? "")).status, 200)
  assert.equal(callsAfterWarmUp(world), expected.calls)
  assert.deepEqual(
    job.attempts.map(({ outcome }) => outcome),
    expected.outcomes,
  )
  const told = job.parameters.include_text ? ["text", "image"] : undefined
  assert.deepEqual(
    job.content?.map(({ type }) => type),
    told,
  )
  assert.equal(job.usage.charged, expected.charged)
  assert.equal(job.usage.upstream_calls, 1)
  await booksBalance(world, id)
}

/** Images asked of the upstream since the one that warmed it up. */
const callsAfterWarmUp = ({ emulator }: World): number =>
  emulator.calls.filter(({ path }) => path.includes(":generateContent")).length - 1

const twice: Expected = { calls: 2, outcomes: ["worker_lost", "succeeded"], charged: "unknown" }
const adopted: Expected = { calls: 1, outcomes: ["worker_lost", "succeeded"], charged: "unknown" }

const steps: [name: string, script: string, side: Side, expected: Expected][] = [
  ["before it claims the job", "begin", "command", { calls: 1, outcomes: ["succeeded"], charged: "yes" }],
  ["when it has claimed the job", "begin", "answer", adopted],
  ["when it has taken a call of the quota", "take-call", "answer", adopted],
  ["when the image is stored and not recorded", "keep", "command", adopted],
  ["when the image is recorded", "keep", "answer", adopted],
  ["before it settles", "settle", "command", adopted],
]

suite("a worker killed at each step of the recipe", { concurrency: 8 }, () => {
  for (const [name, script, side, expected] of steps) {
    test(name, async (t) => {
      await using cut = await startCutWorld()
      const stopped = cut.proxy.stopAt(script, side)
      const job = await cut.world.submit({ prompt: "a survivor", include_text: true })
      await stopped
      await recover(t, cut.world, job, expected)
    })
  }

  test("when it has settled and the queue does not know", async () => {
    await using cut = await startCutWorld()
    const stopped = cut.proxy.stopAt("settle", "answer")
    const { id } = await cut.world.submit({ prompt: "a survivor" })
    await stopped
    cut.world.workers[0]?.kill("SIGKILL")
    await cut.world.startWorker()
    const job = await cut.world.ended(id, recoveryMs)
    assert.equal(job.status, "succeeded")
    assert.equal(job.usage.charged, "yes")
    await until(
      "the queue has forgotten it",
      async () => (await cut.world.redis.keys(`{kiln}bull:images:${id}*`)).length === 0,
    )
    assert.equal(callsAfterWarmUp(cut.world), 1)
    await booksBalance(cut.world, id)
  })

  test("when an input image is fetched and recorded", async (t) => {
    await using cut = await startCutWorld()
    await using photo = await servePhoto()
    const body = { prompt: "a survivor", images: [{ url: photo.url }] }
    const submit = () => cut.world.client.send(operations.createEdit, { body })
    await cut.world.ended((await submit()).id)
    const stopped = cut.proxy.stopAt("keep-input", "answer")
    const job = await submit()
    await stopped
    await recover(t, cut.world, job, twice)
    assert.equal(photo.requests(), 2)
  })

  test("while the upstream paints", async (t) => {
    await using world = await startWorld({ workers: 0, emulator: { latencyMs: 2_000 } })
    await using gate = await startHttpGate(world.emulator.url)
    await world.startWorker({ GEMINI_BASE_URL: gate.url })
    await world.make({ prompt: "warm up" })
    const job = await world.submit({ prompt: "a survivor" })
    await until("the upstream has the call", () => gate.passedOn() === 2)
    await recover(t, world, job, twice)
  })

  test("while an input image goes up to the upstream", async (t) => {
    await using world = await startWorld({ workers: 0 })
    await using gate = await startHttpGate(world.emulator.url)
    await world.startWorker({ GEMINI_BASE_URL: gate.url })
    await world.make({ prompt: "warm up" })
    const held = gate.hold(({ url }) => url?.includes("upload_id=") === true)
    const data = largePhoto(15_000_000).toString("base64")
    const body = { prompt: "a survivor", images: [{ data }] }
    const job = await world.client.send(operations.createEdit, { body })
    await held
    await recover(t, world, job, adopted)
    const spools = await readdir(join(world.dataDir, "spool"))
    const left = await Promise.all(spools.map((spool) => readdir(join(world.dataDir, "spool", spool))))
    assert.ok(
      left.some((files) => files.length === 0),
      "the worker that lives cleans up",
    )
  })

  test("while the image is on its way to S3", async () => {
    await using s3 = await startS3Server()
    await using gate = await startHttpGate(s3.endpoint)
    await using world = await startWorld({
      env: s3.env,
      workerEnv: { S3_ENDPOINT: gate.url },
      workers: 0,
    })
    await world.startWorker()
    await world.make({ prompt: "warm up" })
    const held = gate.hold(({ method, url }) => method === "PUT" && url?.includes("/0.png") === true)
    const job = await world.submit({ prompt: "a survivor" })
    await held
    const [worker] = world.workers
    worker?.kill("SIGKILL")
    await worker?.exited
    await world.startWorker({ S3_ENDPOINT: s3.endpoint })
    const ended = await world.ended(job.id, recoveryMs)
    assert.equal(ended.status, "succeeded")
    assert.deepEqual(
      ended.attempts.map(({ outcome, charged }) => [outcome, charged]),
      [
        ["worker_lost", "unknown"],
        ["succeeded", "no"],
      ],
    )
    // It was on the disk, and is not bought again.
    assert.equal(callsAfterWarmUp(world), 1)
    await booksBalance(world, job.id)
  })
})
