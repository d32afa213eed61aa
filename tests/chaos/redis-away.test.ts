import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { suite, test, type TestContext } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"

import { operations } from "@kiln/contract"

import { endedBatch, takeRows } from "../world/batches.ts"
import { plain } from "../world/plain.ts"
import { startReceiver } from "../world/receiver.ts"
import type { RunningProcess } from "../world/running-process.ts"
import { readEvents, type ServerEvent } from "../world/sse.ts"
import { until } from "../world/until.ts"
import { register } from "../world/webhooks.ts"
import { startWorld, type World } from "../world/world.ts"

const info = async ({ redis }: World, field: string) =>
  new RegExp(`^${field}:(.*)\r$`, "m").exec(await redis.info("server"))?.[1] ?? ""

/** Stops the Redis of this world as a machine that hangs does; the answer lets it go on. */
async function freezeRedis(world: World): Promise<() => void> {
  const pid = Number(await info(world, "process_id"))
  process.kill(pid, "SIGSTOP")
  return () => process.kill(pid, "SIGCONT")
}

/** Kills the Redis of this world; the answer starts it anew on what its append-only file has. */
async function killRedis(world: World): Promise<() => AsyncDisposable> {
  const pid = Number(await info(world, "process_id"))
  const [, dir = ""] = await world.redis.config("GET", "dir")
  const socket = world.redisUrl.replace(/^unix:\/\//, "")
  process.kill(pid, "SIGKILL")
  return () => {
    const settings = [
      "--port",
      "0",
      "--unixsocket",
      socket,
      "--dir",
      dir,
      "--save",
      "",
      "--appendonly",
      "yes",
    ]
    const child = spawn("redis-server", settings, { stdio: "ignore" })
    return {
      async [Symbol.asyncDispose]() {
        child.kill("SIGKILL")
        await once(child, "exit")
      },
    }
  }
}

/** Seconds of processor time that a process has used. */
async function cpuSeconds({ pid }: RunningProcess): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const lines = (running: RunningProcess) => running.output().split("\n").length

/** While Redis is away, nobody works hard and nobody fills the log. */
async function staysCalm(t: TestContext, world: World, forMs: number): Promise<void> {
  const processes = [...world.workers, ...(world.api ? [world.api] : [])]
  const before = await Promise.all(
    processes.map(async (each) => ({ cpu: await cpuSeconds(each), lines: lines(each) })),
  )
  await sleep(forMs)
  for (const [index, each] of processes.entries()) {
    const cpu = (await cpuSeconds(each)) - (before[index]?.cpu ?? 0)
    const printed = lines(each) - (before[index]?.lines ?? 0)
    t.diagnostic(`${cpu.toFixed(2)} s of CPU and ${printed} lines in ${forMs / 1_000} s`)
    assert.ok(printed < 100, `${printed} lines: ${each.output().slice(-4_000)}`)
    assert.ok(cpu < forMs / 2_000, `${cpu} s of CPU`)
  }
}

/** Every job has ended once, with one picture, and the books balance. */
async function allSucceeded(world: World, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const job = await world.ended(id, 90_000)
    assert.equal(job.status, "succeeded", JSON.stringify(job))
    assert.equal(job.outputs.length, 1)
  }
  await until("nothing is out", async () => (await world.redis.zcard("{kiln}:lease")) === 0)
  const counters = await world.redis.hgetall("{kiln}:tenant:default")
  assert.deepEqual([counters["queued"], counters["running"], counters["leased"]], ["0", "0", "0"])
  const events = (await world.redis.xrange("{kiln}:outbox", "-", "+")).map(([, fields]) => fields)
  assert.equal(new Set(events.map(([, event]) => event)).size, events.length)
  for (const id of ids) {
    const types = events.filter((fields) => fields.includes(id)).map((fields) => fields[3])
    assert.deepEqual(types, ["job.queued", "job.started", "job.output", "job.succeeded"])
  }
}

/** An outage, however long, is no reason to buy a picture again: those who made it are still there. */
async function assertNothingBoughtTwice(world: World, jobs: number): Promise<void> {
  const known = await world.redis.keys("{kiln}:job:job_*")
  const calls = world.emulator.calls.filter(({ path }) => path.includes(":generateContent"))
  assert.deepEqual({ jobs: known.length, calls: calls.length }, { jobs, calls: jobs })
}

const submitMany = async (world: World, count: number) => {
  const jobs = await Promise.all(
    Array.from({ length: count }, () => world.submit({ prompt: "a mug [[slow:1]]", ...plain })),
  )
  return jobs.map(({ id }) => id)
}

const rowsOf = (count: number) =>
  Array.from({ length: count }, (_, n) => JSON.stringify({ custom_id: `${n}`, prompt: `row ${n}` })).join(
    "\n",
  )

/** What a reader hears of a job who comes back, with the last id, as often as the stream breaks off. */
async function follow(world: World, id: string): Promise<string[]> {
  const heard: ServerEvent[] = []
  await until(
    `all is heard of ${id}`,
    async () => {
      const last = heard.at(-1)?.id
      const answer = await world.client
        .request(operations.watchJob, { params: { id }, headers: last ? { "last-event-id": last } : {} })
        .catch(() => undefined)
      if (answer?.status !== 200) return false
      try {
        for await (const event of readEvents(answer)) heard.push(event)
      } catch {
        // It broke off.
      }
      return heard.at(-1)?.event === "job.succeeded"
    },
    { withinMs: 140_000, everyMs: 1_000 },
  )
  return heard.map(({ event }) => event)
}

/** The API refuses with what a caller needs to come back, and says what is wrong. */
async function tellsWhy(world: World): Promise<void> {
  const refused = await world.client.request(operations.createGeneration, { body: { prompt: "a mug" } })
  assert.equal(refused.status, 503)
  assert.match(refused.headers.get("retry-after") ?? "", /^\d+$/)
  await until("/readyz says why", async () => {
    const readiness = await fetch(`${world.url}/readyz`)
    return readiness.status === 503 && /Redis/.test(await readiness.text())
  })
}

suite("when Redis is away", { concurrency: 4, timeout: 240_000 }, () => {
  test("for longer than anything is held, no job, batch, stream or webhook is lost, bought or told twice", async (t) => {
    await using receiver = await startReceiver()
    await using world = await startWorld({
      workers: 2,
      workerEnv: { KILN_CONCURRENCY: "4" },
      env: { KILN_ALLOW_PRIVATE: "webhooks" },
    })
    await register(world, receiver.url, { events: ["job.succeeded", "job.failed"] })
    const [paid, blocked] = await Promise.all([
      world.submit({ prompt: "paid [[slow:8]]" }),
      world.submit({ prompt: "refused [[slow:8]] [[image_safety]]" }),
    ])
    await until("both are called", () => world.emulator.calls.length === 2)
    const ids = [paid.id, ...(await submitMany(world, 16))]
    const batch = await takeRows(world, { type: "application/x-ndjson", body: rowsOf(60) })
    const followed = follow(world, paid.id)
    const waiting = world.client.request(operations.getJob, { params: { id: paid.id }, query: { wait: 60 } })
    const goOn = await freezeRedis(world)
    await tellsWhy(world)
    await staysCalm(t, world, 70_000)
    const waited = await waiting
    assert.ok([200, 503].includes(waited.status), `${waited.status}`)
    goOn()
    const at = Date.now()
    await until("it is ready", async () => (await fetch(`${world.url}/readyz`)).ok)
    const refused = await world.ended(blocked.id, 90_000)
    assert.deepEqual([refused.status, refused.attempts.length], ["failed", 1], JSON.stringify(refused))
    const { counts } = await endedBatch(world.client, batch.id)
    assert.equal(counts.succeeded, 60)
    await allSucceeded(world, ids)
    await assertNothingBoughtTwice(world, 1 + ids.length + 60)
    t.diagnostic(`all done ${Date.now() - at} ms after`)
    assert.deepEqual(await followed, ["job.queued", "job.started", "job.output", "job.succeeded"])
    for (const id of [blocked.id, ...ids]) {
      await receiver.got(`the end of ${id}`, ({ subject }) => subject === id)
    }
    for (const worker of world.workers) assert.doesNotMatch(worker.output(), /nobody caught|broke off/)
  })

  test("and comes back from its append-only file, every accepted job ends", async (t) => {
    await using world = await startWorld({
      workers: 2,
      workerEnv: { KILN_CONCURRENCY: "4" },
      redisSettings: ["--appendonly", "yes", "--appendfsync", "always"],
    })
    const ids = await submitMany(world, 24)
    await until("some run", async () => (await world.job(ids[0] ?? "")).status === "running")
    const startAgain = await killRedis(world)
    await staysCalm(t, world, 28_000)
    await using _redis = startAgain()
    const at = Date.now()
    await allSucceeded(world, ids)
    await assertNothingBoughtTwice(world, 24)
    t.diagnostic(`all done ${Date.now() - at} ms after`)
    for (const worker of world.workers) assert.doesNotMatch(worker.output(), /nobody caught/)
  })

  for (const [how, away] of [
    ["hangs", freezeRedis],
    ["is gone", killRedis],
  ] as const) {
    test(`a worker that is told to stop while Redis ${how} ends within its grace time and 5 seconds`, async (t) => {
      await using world = await startWorld({ workerEnv: { KILN_GRACE: "3" } })
      const [id = ""] = await submitMany(world, 1)
      await until("it runs", async () => (await world.job(id)).status === "running")
      await away(world)
      const [worker] = world.workers
      assert.ok(worker)
      const at = Date.now()
      worker.kill("SIGTERM")
      const code = await worker.exited
      t.diagnostic(`exited with ${code} after ${Date.now() - at} ms`)
      assert.ok(Date.now() - at < 3_000 + 5_000 + 1_500, `took ${Date.now() - at} ms`)
    })
  }
})
