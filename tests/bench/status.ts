import { startWorld } from "../world/world.ts"
import { socketOf, startListening } from "./bare-process.ts"
import type { Benchmark } from "./benchmark.ts"
import { inTurns } from "./in-turns.ts"
import { loadRows, noLimit } from "./load-rows.ts"
import { load, loadRounds, showLoad } from "./load.ts"

export const status: Benchmark = {
  name: "status",
  compares: "GET /v1/jobs/{id} of a succeeded job, beside Express and one HGETALL of the same hash",
  async run(progress) {
    await using world = await startWorld({ apiEnv: noLimit })
    await using bare = await startListening(new URL("./bare/status-server.ts", import.meta.url), {
      REDIS_SOCKET: socketOf(world.redisUrl),
    })
    const job = await world.make({
      prompt: "a stoneware mug on a walnut table",
      metadata: { sku: "MUG-00417" },
    })
    if (job.status !== "succeeded") throw new Error(`The job to be asked for has ${job.status}`)
    const path = `/v1/jobs/${job.id}`
    const headers = { authorization: `Bearer ${world.key}` }
    const measured = await inTurns(
      {
        bare: () => load({ method: "GET", url: bare.url + path, headers, pid: bare.pid }),
        kiln: () => load({ method: "GET", url: world.url + path, headers, pid: world.api?.pid ?? 0 }),
      },
      { progress, show: showLoad, rounds: loadRounds },
    )
    return loadRows("status", measured, 0.7)
  },
}
