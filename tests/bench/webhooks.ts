import { operations } from "@kiln/contract"

import { startProcess } from "../world/running-process.ts"
import type { World } from "../world/world.ts"
import type { Arrival } from "./bare/webhook-receiver.ts"
import { compare, type Benchmark, type Progress, type Row } from "./benchmark.ts"
import { inTurns } from "./in-turns.ts"
import { percentile } from "./median.ts"
import { cpuMs } from "./process-usage.ts"
import { arrivalsOf, startWebhookWorld, type WebhookWorld } from "./webhook-world.ts"

const rounds = 5
const endpoints = 8
const perEndpoint = 2_000
const inFlight = 64
const eventsPerSecond = 200
const eventsOfLatency = 2_000
const crowd = 50
const crowdEvents = 60
const crowdPerSecond = 4

export const webhooks: Benchmark = {
  name: "webhooks",
  compares:
    "deliveries beside bare keep-alive POSTs; a job's end to its first byte; 50 endpoints, one of which hangs",
  async run(progress) {
    await using setting = await startWebhookWorld()
    const rows = await throughput(setting, progress)
    await setting.world.startWorker()
    return [...rows, ...(await latency(setting, progress)), ...(await isolation(setting, progress))]
  },
}

type Sent = { perSecond: number; msEach: number }

const paths = (count: number) => Array.from({ length: count }, (_, index) => `/${index}`)

/** Everything waits when the worker starts. */
async function throughput(setting: WebhookWorld, progress: Progress): Promise<Row[]> {
  const { world, receiver } = setting
  const env = { KILN_WEBHOOK_CONCURRENCY: `${inFlight}`, KILN_WEBHOOK_SCHEDULE: "0" }
  const startMs = await cpuOfStart(world, env)
  const ids = await setting.listenAt(paths(endpoints))
  const since = new Date(Date.now() - 60_000).toISOString()
  await setting.end(await setting.wait(perEndpoint), 1_000)
  const total = endpoints * perEndpoint
  const drain = async () => {
    const worker = await world.startWorker(env)
    const arrivals = await arrivalsOf(setting, total)
    const msEach = (cpuMs(worker.pid) - startMs) / total
    await worker[Symbol.asyncDispose]()
    return { perSecond: rateOf(arrivals), msEach }
  }
  const again = async () => {
    const body = { since }
    for (const id of ids) await world.client.send(operations.replayWebhookEvents, { params: { id }, body })
  }
  await drain()
  const { sample } = await receiver.taken()
  const post = async () => {
    const poster = startProcess(new URL("./bare/webhook-poster.ts", import.meta.url).pathname, {
      RECEIVER: receiver.url,
      IN_FLIGHT: `${inFlight}`,
      TOTAL: `${total}`,
      BODY: sample,
    })
    const msEach = poster
      .printed(/used (\S+) ms/)
      .then(() => Number(/used (\S+) ms/.exec(poster.output())?.[1]) / total)
    if ((await poster.exited) !== 0) throw new Error(poster.output())
    return { perSecond: rateOf((await receiver.taken()).arrivals), msEach: await msEach }
  }
  const measured = await inTurns(
    { bare: post, kiln: async () => again().then(drain) },
    {
      progress,
      rounds,
      show: ({ perSecond, msEach }) =>
        `${perSecond.toFixed(0)} deliveries/s, ${msEach.toFixed(2)} ms of CPU each`,
    },
  )
  await setting.deaf(ids)
  const row = (what: string, unit: string, of: (round: Sent) => number) => ({
    measure: `webhooks: ${what}`,
    unit,
    bare: measured.bare.map(of),
    kiln: measured.kiln.map(of),
  })
  return [
    compare({
      ...row(`${inFlight} at once`, "deliveries/s", ({ perSecond }) => perSecond),
      aim: { ratio: { atLeast: 0.5 } },
    }),
    compare(row("CPU of the sender each, without its start", "ms", ({ msEach }) => msEach)),
  ]
}

/** Processor time of a worker that has started and found nothing to send. */
async function cpuOfStart(world: World, env: Record<string, string>): Promise<number> {
  await using worker = await world.startWorker(env)
  return cpuMs(worker.pid)
}

/** Without the first tenth, in which a sender has just started. */
function rateOf(arrivals: readonly Arrival[]): number {
  const all = arrivals.map(({ at }) => at).toSorted((a, b) => a - b)
  const times = all.slice(all.length / 10)
  return (times.length / ((times.at(-1) ?? NaN) - (times[0] ?? NaN))) * 1_000
}

/** From the event's own time, which is Redis's, to the first byte at the receiver, on one clock. */
const delaysOf = (arrivals: readonly Arrival[]) => arrivals.map(({ at, toldAt }) => at - toldAt)

async function latency(setting: WebhookWorld, progress: Progress): Promise<Row[]> {
  const ids = await setting.listenAt(["/0"])
  const jobs = await setting.wait(eventsOfLatency)
  await setting.end(jobs, eventsPerSecond)
  const delays = delaysOf(await arrivalsOf(setting, jobs.length))
  await setting.deaf(ids)
  progress(
    `${eventsPerSecond} events/s: p50 ${percentile(delays, 0.5)} ms, p99 ${percentile(delays, 0.99)} ms`,
  )
  // There is no bare equivalent: the number stands for itself.
  const row = (part: number) => ({
    measure: `webhooks: end to first byte at ${eventsPerSecond} events/s, p${part * 100}`,
    unit: "ms",
    bare: [NaN],
    kiln: [percentile(delays, part)],
  })
  return [compare(row(0.5)), compare({ ...row(0.99), aim: { kilnBelow: 250 } })]
}

/** Bare: nobody hangs. */
async function isolation(setting: WebhookWorld, progress: Progress): Promise<Row[]> {
  const side = async (first: string) => {
    const ids = await setting.listenAt([first, ...paths(crowd).slice(1)])
    const jobs = await setting.wait(crowdEvents)
    await setting.end(jobs, crowdPerSecond)
    const others = ({ path }: Arrival) => path !== first
    const delays = delaysOf(await arrivalsOf(setting, (crowd - 1) * jobs.length, others))
    await setting.deaf(ids)
    return delays
  }
  const measured = await inTurns(
    { bare: () => side("/0"), kiln: () => side("/hangs") },
    {
      progress,
      rounds,
      show: (delays) => `p50 ${percentile(delays, 0.5)} ms, p99 ${percentile(delays, 0.99)} ms`,
    },
  )
  const row = (part: number) => ({
    measure: `webhooks: 1 of ${crowd} endpoints hangs, the others' p${part * 100}`,
    unit: "ms",
    bare: measured.bare.map((delays) => percentile(delays, part)),
    kiln: measured.kiln.map((delays) => percentile(delays, part)),
  })
  return [compare(row(0.5)), compare({ ...row(0.99), aim: { ratio: { atMost: 1.5 } } })]
}
