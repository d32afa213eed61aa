import { createClient } from "@kiln/client"
import { operations } from "@kiln/contract"

import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"
import type { Benchmark } from "./benchmark.ts"
import { keepInFlight } from "./keep-in-flight.ts"
import { percentile } from "./median.ts"

const queued = 50_000
const newcomers = 12
const rpm = 20
/** A third of Google's minute: a call a second, which is more than jobs are handed over ahead of their calls. */
const windowMs = 20_000
const model = "gemini-3.1-flash-image"
/** The emulator notes it with the call: that is how the newcomer's call is found among the others. */
const mark = "escaped"

export const fairness: Benchmark = {
  name: "fairness",
  compares: `upstream calls that go before another tenant's single job while one tenant has ${queued} waiting, beside first come, first served`,
  async run(progress) {
    await using world = await startWorld({
      workers: 0,
      emulator: { latencyMs: 1_000, quotas: { rpm, windowMs } },
      apiEnv: { KILN_REQUESTS_PER_MINUTE: "10000000" },
      workerEnv: { KILN_RPM: `${rpm}`, KILN_QUOTA_WINDOW: `${windowMs / 1_000}` },
    })
    let index = 0
    const submit = () => world.submit({ prompt: `mug ${index++}`, model, image_size: "512" })
    await keepInFlight(submit, { inFlight: 32, total: queued, spreadMs: 0 })
    progress(`${queued} jobs are waiting`)
    await world.startWorker()
    // Half a window goes at once when a worker starts; from then on each call is somebody's turn.
    await until("a window is full", () => madeBy(world).length >= rpm, { withinMs: 2 * windowMs })
    const before: number[] = []
    for (let newcomer = 1; newcomer <= newcomers; newcomer++) {
      before.push(await callsBefore(world, newcomer))
      progress(`newcomer ${newcomer}/${newcomers}: ${before.at(-1)} calls before it`)
    }
    const most = percentile(before, 1)
    return [
      {
        measure: `fairness: most calls before a newcomer's, ${queued} waiting`,
        unit: "calls",
        bare: queued,
        kiln: most,
        ratio: most / queued,
        aim: { text: "≤ 1 calls", isMet: most <= 1 },
      },
    ]
  },
}

const madeBy = ({ emulator }: World) => emulator.calls.filter(({ method }) => method === "POST")

/** Submits one job of a tenant of its own; answers how many calls of others were sent between that and its own. */
async function callsBefore(world: World, newcomer: number): Promise<number> {
  const scopes = ["jobs:read", "jobs:write"] as const
  const body = { tenant: `newcomer-${newcomer}`, scopes: [...scopes] }
  const { key } = await world.client.send(operations.createKey, { body })
  const client = createClient({ baseUrl: world.url, key })
  const made = () => madeBy(world)
  const prompt = `a single mug [[${mark}]]`
  await client.send(operations.createGeneration, { body: { prompt, model, image_size: "512" } })
  const already = made().length
  const at = await until("the newcomer's call is made", () => {
    const own = made().flatMap(({ scenario }, index) => (scenario === mark ? [index] : []))
    return own[newcomer - 1]
  })
  return Math.max(0, at - already)
}
