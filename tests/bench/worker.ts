import type { Job } from "@kiln/contract"

import { startWorld } from "../world/world.ts"
import { startListening } from "./bare-process.ts"
import { compare, type Benchmark, type Row } from "./benchmark.ts"
import { usualRounds as rounds } from "./in-turns.ts"
import { drawPictures } from "./pictures.ts"

const concurrency = 32
const model = "gemini-2.5-flash-image"

type Pace = { latencyMs: number; jobs: number }

/** The upstream's quickest answers take about ten seconds; two show what a job costs the worker. */
const usual: Pace = { latencyMs: 10_000, jobs: 160 }
const hasty: Pace = { latencyMs: 2_000, jobs: 192 }

/** What a worker would make that spent no time of its own. */
const idealPerSecond = ({ latencyMs }: Pace): number => concurrency / (latencyMs / 1_000)

export const worker: Benchmark = {
  name: "worker",
  compares: `one worker with ${concurrency} slots, beside slots divided by the upstream's latency`,
  async run(progress) {
    await using files = await drawPictures()
    const rows: Row[] = []
    for (const pace of [usual, hasty]) {
      const seconds = pace.latencyMs / 1_000
      await using upstream = await startListening(new URL("./upstream.ts", import.meta.url), {
        LATENCY_MS: `${pace.latencyMs}`,
        IMAGES: JSON.stringify({ [model]: files.png }),
      })
      const measured: { steady: number; whole: number }[] = []
      for (let round = 1; round <= rounds; round++) {
        const result = throughputOf(await runJobs(upstream.url, pace.jobs))
        measured.push(result)
        progress(
          `calls of ${seconds} s, round ${round}/${rounds}: ${result.steady.toFixed(2)} jobs/s in steady state, ${result.whole.toFixed(2)} with both ends`,
        )
      }
      const steady = row(
        `calls of ${seconds} s`,
        pace,
        measured.map((each) => each.steady),
      )
      rows.push(compare(pace === usual ? { ...steady, aim: { ratio: { atLeast: 0.97 } } } : steady))
    }
    return rows
  },
}

const row = (what: string, pace: Pace, numbers: readonly number[]) => ({
  measure: `worker: ${what}`,
  unit: "jobs/s",
  bare: numbers.map(() => idealPerSecond(pace)),
  kiln: numbers,
})

/** Submits all jobs while nobody works, then starts the worker. */
async function runJobs(
  upstream: string,
  jobs: number,
): Promise<{ startedAt: number; completedAt: number }[]> {
  await using world = await startWorld({
    workers: 0,
    upstream,
    workerEnv: { KILN_CONCURRENCY: `${concurrency}` },
  })
  const submitted: Job[] = []
  for (let index = 0; index < jobs; index++) {
    submitted.push(await world.submit({ prompt: `picture ${index}`, model }))
  }
  await world.startWorker()
  const last = submitted.at(-1)
  if (last) await world.ended(last.id, 120_000)
  return await Promise.all(
    submitted.map(async ({ id }) => {
      const { started_at, completed_at, status } = await world.ended(id)
      if (status !== "succeeded") throw new Error(`The job ${id} has ${status}`)
      return { startedAt: Date.parse(started_at ?? ""), completedAt: Date.parse(completed_at ?? "") }
    }),
  )
}

/**
 * Jobs a second. The steady state begins when as many jobs have ended as there are slots (all slots have started
 * together and end together, which no later job does) and lasts until the last job starts, when slots fall empty.
 */
function throughputOf(times: readonly { startedAt: number; completedAt: number }[]) {
  const starts = times.map(({ startedAt }) => startedAt).toSorted((a, b) => a - b)
  const ends = times.map(({ completedAt }) => completedAt).toSorted((a, b) => a - b)
  const from = ends[concurrency - 1] ?? NaN
  const to = starts.at(-1) ?? NaN
  const inSteadyState = ends.filter((at) => at > from && at <= to).length
  const whole = (ends.at(-1) ?? NaN) - (starts[0] ?? NaN)
  return { steady: (inSteadyState / (to - from)) * 1_000, whole: (times.length / whole) * 1_000 }
}
