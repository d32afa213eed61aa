import { createClient } from "@kiln/client"
import { operations, type Job } from "@kiln/contract"

import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"
import type { Benchmark, Progress, Row } from "./benchmark.ts"
import { median, percentile } from "./median.ts"

const latencyMs = 800
const windowMs = 4_000
const rpm = 20
const jobs = 320
/** Enough for the paces to be known. */
const known = 40
/** A whole second is as fine as times are told. */
const shortestS = 5

const model = "gemini-nano-banana-2.1"
/** What keeps jobs waiting. */
const bounds = {
  "the workers' slots": {
    models: ["gemini-2.5-flash-image", model],
    workerEnv: { KILN_CONCURRENCY: "8" },
    quotas: {},
  },
  "the upstream's quota": {
    models: [model],
    workerEnv: { KILN_CONCURRENCY: "32", KILN_RPM: `${rpm}`, KILN_QUOTA_WINDOW: `${windowMs / 1_000}` },
    quotas: { rpm, windowMs },
  },
}
type Bound = keyof typeof bounds

type Told = { id: string; toldS: number; at: number }

/** Is what jobs are told of their end true? Two tenants of different weights wait, for a slot or for a call. */
export const eta: Benchmark = {
  name: "eta",
  compares: "what waiting jobs are told of their time until the end, beside the time that it took",
  async run(progress) {
    const rows: Row[] = []
    for (const bound of Object.keys(bounds) as Bound[]) rows.push(...(await judge(bound, progress)))
    return rows
  },
}

async function judge(bound: Bound, progress: Progress): Promise<Row[]> {
  const { workerEnv, quotas, models } = bounds[bound]
  await using world = await startWorld({ emulator: { latencyMs, quotas }, workerEnv })
  const ended = new Map<string, number>()
  const told = await askAll(world, models, progress)
  await until(
    "all that were asked have ended",
    async () => {
      for (const { id } of told) {
        if (ended.has(id)) continue
        const { completed_at: at } = await world.job(id)
        if (at) ended.set(id, Date.parse(at))
      }
      return ended.size === told.length
    },
    { withinMs: 300_000, everyMs: 500 },
  )
  const pairs = told
    .map(({ id, toldS, at }) => ({ toldS, tookS: ((ended.get(id) ?? NaN) - at) / 1_000 }))
    .filter(({ tookS }) => tookS >= shortestS)
  progress(`bound by ${bound}, ${pairs.length} answers were looked at`)
  return [
    errorRow(`bound by ${bound}, median`, 0.5, pairs),
    errorRow(`bound by ${bound}, 90th percentile`, 0.9, pairs),
  ]
}

async function askAll(world: World, models: readonly string[], progress: Progress): Promise<Told[]> {
  const made = await world.client.send(operations.createKey, {
    body: { tenant: "other", scopes: ["jobs:read", "jobs:write"] },
  })
  const other = createClient({ baseUrl: world.url, key: made.key })
  await world.client.send(operations.putLimits, { params: { tenant: "other" }, body: { weight: 0.5 } })
  const ids: string[] = []
  for (let n = 0; n < jobs; n++) {
    const own = await world.submit({ prompt: `eta ${n}`, model: models[n % models.length] })
    ids.push(own.id)
    if (n % 2 === 0) await other.send(operations.createGeneration, { body: { prompt: `other ${n}`, model } })
  }
  await until(
    "some have ended",
    async () => (await world.redis.hget("{kiln}:totals", "ended:succeeded").then(Number)) >= known,
  )
  const told: Told[] = []
  for (const id of ids.filter((_, index) => index % 4 === 0)) {
    const job: Job = await world.job(id)
    const toldS = job.queue?.eta_seconds
    if (job.status === "queued" && toldS) told.push({ id, toldS, at: Date.now() })
  }
  progress(`${told.length} waiting jobs were asked`)
  return told
}

type Pair = { toldS: number; tookS: number }

function errorRow(name: string, part: number, pairs: readonly Pair[]): Row {
  const errors = pairs.map(({ toldS, tookS }) => Math.abs(toldS - tookS) / tookS)
  const error = percentile(errors, part)
  return {
    measure: `eta: error of the time told, ${name}`,
    unit: "s",
    bare: median(pairs.map(({ tookS }) => tookS)),
    kiln: median(pairs.map(({ toldS }) => toldS)),
    ratio: error,
    aim: { text: "ratio ≤ 0.25", isMet: error <= 0.25 },
  }
}
