import { Queue } from "bullmq"
import type { Redis } from "ioredis"

import { imageQueue, jobIdOf, queuePrefix } from "./image-queue.ts"

export type Task = { id: string; turn: number }

export type Producer = AsyncDisposable & {
  /** Gives ids to the queue. What it holds already stays as it is. */
  add(tasks: readonly Task[]): Promise<void>
}

/** The way into the queue. Rejects at once when Redis is away: what was not added is offered again by the sweep. */
export function createProducer({ redis, prefix }: { redis: Redis; prefix: string }): Producer {
  const queue = new Queue<Task>(imageQueue.name, {
    connection: redis,
    prefix: queuePrefix(prefix),
    skipWaitingForReady: true,
    // The event stream is nobody's: the ledger's outbox says what happened.
    streams: { events: { maxLen: 100 } },
  })
  // An outage is reported once, by the connection's owner.
  queue.on("error", () => {})
  return {
    async add(tasks) {
      for (let start = 0; start < tasks.length; start += imageQueue.chunk) {
        const chunk = tasks.slice(start, start + imageQueue.chunk)
        await queue.addBulk(
          chunk.map((task) => ({ name: "image", data: task, opts: { jobId: jobIdOf(task.id, task.turn) } })),
        )
      }
    },
    [Symbol.asyncDispose]: () => queue.close(),
  }
}
