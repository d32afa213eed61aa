import { fileURLToPath } from "node:url"

import type { Call } from "@kiln/gemini-emulator"

import { startProcess } from "../world/running-process.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"
import { socketOf } from "./bare-process.ts"
import type { Benchmark, Progress, Row } from "./benchmark.ts"
import { shortestMs, type LimitAt } from "./shortest.ts"

/** The window that stands for Google's minute: everything of the upstream is fifteen times as quick. */
const windowMs = 4_000
const latencyMs = 1_000
const model = "gemini-3.1-flash-image"
const longestMs = 240_000

type Scenario = {
  name: string
  calls: number
  keys: number
  /** Calls a window that each key allows. */
  limitAt: LimitAt
  isKnown: boolean
  aims: { makespan: number; wasted: number }
}

const steady: LimitAt = () => 20
const known = { makespan: 1.05, wasted: 1 }
const learned = { makespan: 1.2, wasted: 5 }
const halvesAtMs = 48_000

const scenarios: readonly Scenario[] = [
  { name: "a known limit", calls: 640, keys: 1, limitAt: steady, isKnown: true, aims: known },
  { name: "an unknown limit", calls: 640, keys: 1, limitAt: steady, isKnown: false, aims: learned },
  { name: "two keys", calls: 640, keys: 2, limitAt: () => 10, isKnown: true, aims: known },
  {
    name: "a limit that halves",
    calls: 440,
    keys: 1,
    limitAt: (ms) => (ms < halvesAtMs ? 20 : 10),
    isKnown: false,
    aims: learned,
  },
]

const rivals = { kiln: "Kiln", bull: "BullMQ", pool: "p-queue" } as const
type Rival = keyof typeof rivals
type Result = { makespan: number; wasted: number }

/** The last four characters of a key are what the emulator's log shows of it. */
const keysOf = (rival: Rival, count: number) =>
  Array.from({ length: count }, (_, index) => `key-${rival[0]}-0${index}`)

export const quota: Benchmark = {
  name: "quota",
  compares: `the time that calls take of the shortest possible and calls that are refused, all three at once, in windows of ${windowMs / 1_000} s`,
  async run(progress) {
    const rows: Row[] = []
    for (const scenario of scenarios) {
      const results = await race(scenario)
      tell(progress, scenario, results)
      rows.push(...rowsOf(scenario, results))
    }
    return rows
  },
}

/** All three against one upstream at once, each with keys of its own: whatever else the machine does meets all. */
async function race(scenario: Scenario): Promise<Record<Rival, Result>> {
  const quotaAt = (ms: number) => ({ rpm: scenario.limitAt(ms), windowMs, isSilent: !scenario.isKnown })
  const keys = keysOf("kiln", scenario.keys)
  await using world = await startWorld({
    workers: 0,
    emulator: { latencyMs, quotas: quotaAt(0) },
    workerEnv: {
      GEMINI_API_KEY: keys.join(","),
      KILN_QUOTA_WINDOW: `${windowMs / 1_000}`,
      ...(scenario.isKnown && { KILN_RPM: `${scenario.limitAt(0)}` }),
    },
  })
  for (let index = 0; index < scenario.calls; index++) {
    await world.submit({ prompt: `mug ${index}`, model, image_size: "512", output_format: "jpeg" })
  }
  await warmUp(world)
  await using _bull = startBare("bull", scenario, world)
  await using _pool = startBare("pool", scenario, world)
  const halving = setTimeout(() => world.emulator.setQuota(quotaAt(halvesAtMs)), halvesAtMs)
  await world.startWorker()
  // Nothing is asked of the API meanwhile: the upstream is in this process, and what delays it delays all calls.
  const ended = async () => Number(await world.redis.hget("{kiln}:totals", "ended:succeeded"))
  await until("all jobs have ended", async () => (await ended()) >= scenario.calls, {
    withinMs: longestMs,
    everyMs: 500,
  })
  clearTimeout(halving)
  const judge = (rival: Rival) =>
    judgeCalls(callsOf(world.emulator.calls, keysOf(rival, scenario.keys)), scenario)
  return { kiln: judge("kiln"), bull: judge("bull"), pool: judge("pool") }
}

/** The first requests that a process answers take it long; all rivals' calls are to find it warm. */
async function warmUp({ emulator }: World): Promise<void> {
  const one = async (index: number) => {
    const answer = await fetch(`${emulator.url}/v1beta/models/${model}:generateContent`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-goog-api-key": `nobody-${index}` },
      body: JSON.stringify({ contents: [{ parts: [{ text: "a mug" }] }] }),
    })
    await answer.arrayBuffer()
  }
  await Promise.all(Array.from({ length: 40 }, (_, index) => one(index)))
}

const bareFiles = {
  bull: new URL("./bare/quota-bullmq.ts", import.meta.url),
  pool: new URL("./bare/quota-p-queue.ts", import.meta.url),
}

function startBare(rival: "bull" | "pool", { calls, keys, limitAt, isKnown }: Scenario, world: World) {
  const limit = isKnown ? limitAt(0) * keys : undefined
  return startProcess(fileURLToPath(bareFiles[rival]), {
    LOAD: JSON.stringify({ calls, keys: keysOf(rival, keys), upstream: world.emulator.url, model, limit }),
    WINDOW_MS: `${windowMs}`,
    REDIS_SOCKET: socketOf(world.redisUrl),
  })
}

const callsOf = (calls: readonly Call[], keys: readonly string[]) =>
  calls.filter(({ method, key }) => method === "POST" && keys.some((each) => each.slice(-4) === key))

/** Who is not ready when Kiln is, is judged by what it has made until then. */
function judgeCalls(calls: readonly Call[], { keys, limitAt }: Scenario): Result {
  const made = calls.filter(({ status }) => status === 200).length
  const times = calls.map(({ at }) => Date.parse(at))
  const tookMs = Math.max(...times) - Math.min(...times)
  return {
    makespan: (tookMs + latencyMs) / (shortestMs(made / keys, { windowMs, limitAt }) + latencyMs),
    wasted: (100 * (calls.length - made)) / made,
  }
}

function tell(progress: Progress, { name }: Scenario, results: Record<Rival, Result>): void {
  const words = Object.entries(results).map(
    ([rival, { makespan, wasted }]) =>
      `${rivals[rival as Rival]} ${makespan.toFixed(3)}× with ${wasted.toFixed(1)} % refused`,
  )
  progress(`${name}: ${words.join(", ")}`)
}

function rowsOf({ name, aims }: Scenario, { kiln, bull, pool }: Record<Rival, Result>): Row[] {
  const row = (what: keyof Result, unit: string, beside: Rival, bare: number): Row => ({
    measure: `quota, ${name}: ${what === "makespan" ? "time ÷ shortest" : "calls refused"}, beside ${rivals[beside]}`,
    unit,
    bare,
    kiln: kiln[what],
    ratio: kiln[what] / bare,
    aim: { text: `≤ ${aims[what]} ${unit}`, isMet: kiln[what] <= aims[what] },
  })
  return [
    row("makespan", "×", "bull", bull.makespan),
    row("makespan", "×", "pool", pool.makespan),
    row("wasted", "%", "bull", bull.wasted),
    row("wasted", "%", "pool", pool.wasted),
  ]
}
