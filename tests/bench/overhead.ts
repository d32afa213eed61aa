import { randomUUID } from "node:crypto"

import { startWorld, type World } from "../world/world.ts"
import { startListening } from "./bare-process.ts"
import { startBareStack } from "./bare-stack.ts"
import { compare, type Benchmark, type Row } from "./benchmark.ts"
import { inTurns } from "./in-turns.ts"
import { keepInFlight } from "./keep-in-flight.ts"
import { percentile } from "./median.ts"
import { drawPictures } from "./pictures.ts"
import { cpuMs } from "./process-usage.ts"
import type { UpstreamCall } from "./upstream.ts"

type Make = (prompt: string) => Promise<number>
type Round = { overheadsMs: number[]; workerMsPerJob: number }
type Load = { title: string; model: string; inFlight: number; jobs: number; aimMs?: number }

const latencyMs = 500
const concurrency = 64
const [plain, converted] = ["gemini-2.5-flash-image", "gemini-nano-banana-2.1"]
const loads: Load[] = [
  { title: "1 in flight", model: plain, inFlight: 1, jobs: 10, aimMs: 15 },
  { title: "8 in flight", model: plain, inFlight: 8, jobs: 48, aimMs: 15 },
  { title: "64 in flight", model: plain, inFlight: 64, jobs: 256 },
  { title: "1 in flight, JPEG to PNG", model: converted, inFlight: 1, jobs: 6 },
]

export const overhead: Benchmark = {
  name: "overhead",
  compares:
    "a job's time from creation to completion beyond the upstream's, beside BullMQ, Google's SDK and a file",
  async run(progress) {
    await using files = await drawPictures()
    await using upstream = await startListening(new URL("./upstream.ts", import.meta.url), {
      LATENCY_MS: `${latencyMs}`,
      IMAGES: JSON.stringify({ [plain]: files.png, [converted]: files.jpeg }),
    })
    await using world = await startWorld({
      upstream: upstream.url,
      workerEnv: { KILN_CONCURRENCY: `${concurrency}` },
    })
    const { folder } = files
    await using bare = await startBareStack({
      redisUrl: world.redisUrl,
      upstream: upstream.url,
      folder,
      concurrency,
    })
    const rows: Row[] = []
    for (const each of loads) {
      const measure = (make: Make, pid = 0) => measureRound({ make, pid, upstream: upstream.url, load: each })
      const measured = await inTurns(
        {
          bare: () => measure((prompt) => bare.make({ prompt, model: each.model }), bare.worker.pid),
          kiln: () => measure((prompt) => makeWithKiln(world, prompt, each.model), world.workers[0]?.pid),
        },
        {
          progress,
          show: ({ overheadsMs, workerMsPerJob }) =>
            `${each.title}: p50 ${percentile(overheadsMs, 0.5).toFixed(1)} ms, ${workerMsPerJob.toFixed(0)} ms CPU a job`,
        },
      )
      rows.push(...toRows(each, measured))
    }
    return rows
  },
}

/** Milliseconds from creation to completion, by the job's own times; one request waits for all of it. */
async function makeWithKiln(world: World, prompt: string, model: string): Promise<number> {
  const job = await world.submit({ prompt, model }, { prefer: "wait=60" })
  if (job.status !== "succeeded")
    throw new Error(`The job ${job.id} has ${job.status}: ${job.error?.message}`)
  return Date.parse(job.completed_at ?? "") - Date.parse(job.created_at)
}

type Measured = { make: Make; pid: number; upstream: string; load: Load }

/** Receiving the answer is not the upstream's time: what is taken off ends when its answer begins. */
async function measureRound({ make, pid, upstream, load }: Measured): Promise<Round> {
  const cpuBefore = cpuMs(pid)
  const made = await keepInFlight(
    async () => {
      const prompt = `picture ${randomUUID()}`
      return { prompt, tookMs: await make(prompt) }
    },
    { inFlight: load.inFlight, total: load.jobs, spreadMs: latencyMs },
  )
  const workerMsPerJob = (cpuMs(pid) - cpuBefore) / load.jobs
  const response = await fetch(`${upstream}/calls`)
  const calls = (await response.json()) as Record<string, UpstreamCall>
  const overheadsMs = made.map(({ prompt, tookMs }) => tookMs - (calls[prompt]?.beganMs ?? NaN))
  return { overheadsMs, workerMsPerJob }
}

function toRows({ title, aimMs }: Load, { bare, kiln }: Record<"bare" | "kiln", Round[]>): Row[] {
  const p50 = (rounds: Round[]) => rounds.map(({ overheadsMs }) => percentile(overheadsMs, 0.5))
  // A round is too short for a 99th percentile of its own.
  const p99 = (rounds: Round[]) => [
    percentile(
      rounds.flatMap(({ overheadsMs }) => overheadsMs),
      0.99,
    ),
  ]
  const cpu = (rounds: Round[]) => rounds.map(({ workerMsPerJob }) => workerMsPerJob)
  const row = (what: string, pick: (rounds: Round[]) => number[]) => ({
    measure: `overhead, ${title}: ${what}`,
    unit: "ms",
    bare: pick(bare),
    kiln: pick(kiln),
  })
  return [
    compare({ ...row("p50", p50), ...(aimMs ? { aim: { kilnBelow: aimMs } } : {}) }),
    compare(row("p99 of all rounds", p99)),
    compare(row("CPU of the worker a job", cpu)),
  ]
}
