import { Queue, Worker } from "bullmq"
import { Redis } from "ioredis"

import { attempts, callUpstream, concurrency, load, scaled, windowMs } from "./quota-caller.ts"

/** The obvious way with BullMQ: its limiter where the limit is known, attempts with exponential backoff. */
const connection = new Redis(process.env["REDIS_SOCKET"] ?? "", { maxRetriesPerRequest: null })
const queue = new Queue("bare", { connection })
await queue.addBulk(
  Array.from({ length: load.calls }, (_, index) => ({
    name: "call",
    data: { index },
    opts: { attempts, backoff: { type: "exponential", delay: scaled(1_000), jitter: 0.5 } },
  })),
)
let calls = 0
const worker = new Worker<{ index: number }>("bare", () => callUpstream(calls++), {
  connection,
  concurrency,
  removeOnComplete: { count: 0 },
  ...(load.limit && { limiter: { max: load.limit, duration: windowMs } }),
})
let ended = 0
worker.on("completed", () => {
  ended += 1
  if (ended === load.calls) process.stdout.write("all calls are made\n")
})
