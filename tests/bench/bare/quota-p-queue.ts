import PQueue from "p-queue"
import pRetry from "p-retry"

import { attempts, callUpstream, concurrency, load, scaled, windowMs } from "./quota-caller.ts"

/** The obvious way in one process: p-queue, with its interval where the limit is known, and p-retry. */
const queue = new PQueue({
  concurrency,
  ...(load.limit && { intervalCap: load.limit, interval: windowMs, strict: true }),
})
const retry = { retries: attempts, minTimeout: scaled(1_000), maxTimeout: scaled(60_000), randomize: true }
let calls = 0
await Promise.all(
  Array.from({ length: load.calls }, () => pRetry(() => queue.add(() => callUpstream(calls++)), retry)),
)
process.stdout.write("all calls are made\n")
