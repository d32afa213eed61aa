import { Redis } from "ioredis"

import type { RunningProcess } from "../world/running-process.ts"
import { socketOf, startListening } from "./bare-process.ts"

export type BareStack = AsyncDisposable & {
  worker: RunningProcess
  /** Makes a picture through queue and worker; resolves to the milliseconds from `queue.add` to the end. */
  make(job: { prompt: string; model: string }): Promise<number>
}

type Options = { redisUrl: string; upstream: string; folder: string; concurrency: number }

/** The bare equivalent of Kiln: Express before BullMQ, and a worker that calls the upstream and writes a file. */
export async function startBareStack({
  redisUrl,
  upstream,
  folder,
  concurrency,
}: Options): Promise<BareStack> {
  await using opened = new AsyncDisposableStack()
  const socket = socketOf(redisUrl)
  const api = opened.use(
    await startListening(new URL("./bare/submit-server.ts", import.meta.url), { REDIS_SOCKET: socket }),
  )
  const worker = opened.use(
    await startListening(new URL("./bare/worker.ts", import.meta.url), {
      REDIS_SOCKET: socket,
      UPSTREAM: upstream,
      FOLDER: folder,
      CONCURRENCY: `${concurrency}`,
    }),
  )
  const redis = opened.adopt(new Redis(socket), (connection) => connection.disconnect())
  const waiting = new Map<string, (tookMs: number) => void>()
  redis.on("message", (_channel, message) => {
    const { prompt, tookMs } = JSON.parse(message) as { prompt: string; tookMs: number }
    waiting.get(prompt)?.(tookMs)
    waiting.delete(prompt)
  })
  await redis.subscribe("bare:done")
  const all = opened.move()
  return {
    worker,
    async make(job) {
      const { promise, resolve } = Promise.withResolvers<number>()
      waiting.set(job.prompt, resolve)
      const response = await fetch(`${api.url}/v1/generations`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(job),
      })
      if (!response.ok) throw new Error(`The bare server answered ${response.status}`)
      await response.arrayBuffer()
      return promise
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
