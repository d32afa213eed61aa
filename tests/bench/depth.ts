import type { GenerationInput } from "@kiln/contract"
import { Queue } from "bullmq"
import type { Redis } from "ioredis"

import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"
import { compare, type Benchmark, type Progress, type Row } from "./benchmark.ts"
import { keepInFlight } from "./keep-in-flight.ts"
import { noLimit } from "./load-rows.ts"
import { median } from "./median.ts"
import { redisSettings } from "./redis-settings.ts"

const depths = [10_000, 200_000]
const asked = 300
const rounds = 5
const inFlight = 32
const flat = { ratio: { atMost: 1.3 } }

const body: GenerationInput = {
  prompt:
    "A studio photograph of a hand-thrown stoneware mug with an ash glaze on a walnut table, soft window light from " +
    "the left, shallow depth of field, a linen cloth in the background, no text, no people.",
  model: "gemini-2.5-flash-image",
  aspect_ratio: "1:1",
  metadata: { sku: "MUG-00417" },
}

type Latency = { submitMs: number[]; statusMs: number[] }

/** Does what waits make anything slower, what does it take in Redis, and is it all gone in the end? */
export const depth: Benchmark = {
  name: "depth",
  compares:
    "submit and status with 10 000 and 200 000 jobs waiting, beside none; their memory, beside BullMQ's jobs",
  async run(progress) {
    await using world = await startWorld({
      workers: 0,
      redisSettings,
      apiEnv: { ...noLimit, KILN_QUEUED_JOBS: "1000000" },
      env: { KILN_RETENTION_DAYS: String(30 / 86_400) },
    })
    const ids: string[] = []
    await fill(world, ids, 1)
    const emptyBytes = await usedBytes(world.redis)
    const emptyStreams = await streamBytes(world.redis)
    // The first requests of a process are slow.
    await measure(world, ids)
    const bare = await measure(world, ids)
    const rows: Row[] = []
    const start = ids.length
    const startBytes = await usedBytes(world.redis)
    let filledBytes = startBytes
    for (const jobs of depths) {
      await fill(world, ids, jobs)
      progress(`${jobs} jobs wait`)
      filledBytes = await usedBytes(world.redis)
      const kiln = await measure(world, ids)
      const row = (what: string, pick: (latency: Latency) => number[]) =>
        compare({
          measure: `depth: ${what} with ${jobs} waiting`,
          unit: "ms",
          bare: pick(bare),
          kiln: pick(kiln),
          aim: flat,
        })
      rows.push(
        row("submit", ({ submitMs }) => submitMs),
        row("status", ({ statusMs }) => statusMs),
      )
    }
    const perJob = (filledBytes - startBytes) / (Math.max(...depths) - start)
    rows.push(
      compare({
        measure: "depth: memory of Redis a waiting job",
        unit: "bytes",
        bare: [await bareBytes(world.redis)],
        kiln: [perJob],
        aim: { kilnBelow: 2_048 },
      }),
      ...(await emptied(world, { ids, emptyBytes, emptyStreams, progress })),
    )
    return rows
  },
}

/** Submits until so many jobs wait. */
async function fill(world: World, ids: string[], jobs: number): Promise<void> {
  const total = Math.max(0, jobs - ids.length)
  await keepInFlight(async () => void ids.push((await world.submit(body)).id), {
    inFlight,
    total,
    spreadMs: 0,
  })
}

/** The medians of some rounds, one request after the other. */
async function measure(world: World, ids: string[]): Promise<Latency> {
  const latency: Latency = { submitMs: [], statusMs: [] }
  for (let round = 0; round < rounds; round++) {
    latency.submitMs.push(await medianMs(async () => void ids.push((await world.submit(body)).id)))
    latency.statusMs.push(await medianMs(async (n) => void (await world.job(ids.at(-1 - n) ?? ""))))
  }
  return latency
}

async function medianMs(step: (n: number) => Promise<void>): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < asked; n++) {
    const startedAt = performance.now()
    await step(n)
    times.push(performance.now() - startedAt)
  }
  return median(times)
}

async function usedBytes(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1])
}

/** What the same body takes as a job of BullMQ. */
async function bareBytes(redis: Redis): Promise<number> {
  const jobs = 10_000
  const queue = new Queue("bare", { connection: redis, streams: { events: { maxLen: 100 } } })
  const before = await usedBytes(redis)
  for (let n = 0; n < jobs; n += 500) {
    await queue.addBulk(Array.from({ length: 500 }, () => ({ name: "image", data: body })))
  }
  const bytes = ((await usedBytes(redis)) - before) / jobs
  await queue.obliterate({ force: true })
  await queue.close()
  return bytes
}

type Emptied = { ids: string[]; emptyBytes: number; emptyStreams: number; progress: Progress }

/** Ends all jobs and lets their records expire; the streams of events stay for their own time, and are bounded. */
async function emptied(world: World, { ids, emptyBytes, emptyStreams, progress }: Emptied): Promise<Row[]> {
  await world.startWorker({ KILN_CONCURRENCY: "1", GEMINI_BASE_URL: "http://127.0.0.1:9" })
  const headers = { authorization: `Bearer ${world.key}` }
  const left = [...ids]
  await keepInFlight(
    async () => {
      await fetch(`${world.url}/v1/jobs/${left.pop()}/cancel`, { method: "POST", headers })
    },
    { inFlight, total: ids.length, spreadMs: 0 },
  )
  progress("all are canceled")
  const records = () => world.redis.zcard("{kiln}:index:default")
  await until("all records are gone", async () => (await records()) === 0, {
    withinMs: 600_000,
    everyMs: 1_000,
  })
  progress("all records are gone")
  const streams = await streamBytes(world.redis)
  return [
    compare({
      measure: "depth: memory of Redis before, and after all are gone, without the streams of events",
      unit: "MiB",
      bare: [mib(emptyBytes - emptyStreams)],
      kiln: [mib((await usedBytes(world.redis)) - streams)],
      aim: { ratio: { atMost: 1.1 } },
    }),
    compare({
      measure: "depth: memory of Redis for the events of a job that is gone, kept for 30 days",
      unit: "bytes",
      bare: [],
      kiln: [(streams - emptyStreams) / ids.length],
    }),
  ]
}

/** The outbox and the tenant's log. */
async function streamBytes(redis: Redis): Promise<number> {
  const sizes = ["{kiln}:outbox", "{kiln}:log:default"].map((key) => redis.memory("USAGE", key, "SAMPLES", 0))
  return (await Promise.all(sizes)).reduce((sum: number, bytes) => sum + (bytes ?? 0), 0)
}

const mib = (bytes: number): number => bytes / 1_024 ** 2
