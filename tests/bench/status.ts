import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"
import { socketOf, startListening } from "./bare-process.ts"
import type { Benchmark, Row } from "./benchmark.ts"
import { inTurns } from "./in-turns.ts"
import { loadRows, noLimit } from "./load-rows.ts"
import { load, loadRounds, showLoad } from "./load.ts"
import { redisSettings } from "./redis-settings.ts"

const body = { prompt: "a stoneware mug on a walnut table", metadata: { sku: "MUG-00417" } }
/** More than are handed over at once: the last of them waits in its lane. */
const submitted = 200

export const status: Benchmark = {
  name: "status",
  compares: "GET /v1/jobs/{id} of a succeeded, a running and a waiting job, beside Express and one HGETALL",
  async run(progress) {
    await using world = await startWorld({ apiEnv: noLimit, redisSettings })
    await using bare = await startListening(new URL("./bare/status-server.ts", import.meta.url), {
      REDIS_SOCKET: socketOf(world.redisUrl),
    })
    const succeeded = await world.make(body)
    if (succeeded.status !== "succeeded") throw new Error(`The job to be asked for has ${succeeded.status}`)
    await world.workers[0]?.[Symbol.asyncDispose]()
    await using silent = await startSilent()
    await world.startWorker({ GEMINI_BASE_URL: silent.url, KILN_CONCURRENCY: "1" })
    const { running, waiting } = await submitMany(world)
    const rows: Row[] = []
    for (const [name, id] of [
      ["status", succeeded.id],
      ["status of a running job", running],
      ["status of a waiting job", waiting],
    ] as const) {
      progress(name)
      const ask = (url: string, pid: number) => async () =>
        load({
          method: "GET",
          url: `${url}/v1/jobs/${id}`,
          headers: { authorization: `Bearer ${world.key}` },
          pid,
        })
      const measured = await inTurns(
        { bare: ask(bare.url, bare.pid), kiln: ask(world.url, world.api?.pid ?? 0) },
        { progress, show: showLoad, rounds: loadRounds },
      )
      rows.push(...loadRows(name, measured, 0.7))
    }
    return rows
  },
}

/** The first of many jobs, when it runs, and the last, which waits. */
async function submitMany(world: World): Promise<{ running: string; waiting: string }> {
  const ids: string[] = []
  while (ids.length < submitted) ids.push((await world.submit(body)).id)
  const [running = ""] = ids
  await until("the first job runs", async () => (await world.job(running)).status === "running")
  return { running, waiting: ids.at(-1) ?? "" }
}

/** An upstream that takes calls and says nothing. */
async function startSilent(): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(() => {}).listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    },
  }
}
