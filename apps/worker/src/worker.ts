import { hostname } from "node:os"

import type { Egress } from "@kiln/egress"
import { createInputs } from "@kiln/inputs"
import type { Models, Paint } from "@kiln/jobs"
import { cancelChannel, createLedger, type Handover } from "@kiln/ledger"
import { createConsumer, createProducer, listenForCancellation } from "@kiln/queue"
import { connectRedis, type Logger } from "@kiln/runtime"
import type { Storage } from "@kiln/storage"

import { createCallLimits } from "./call-limits.ts"
import { createGenerateImage } from "./processors/generate-image.ts"
import { createMakeImage } from "./processors/make-image.ts"
import { startRounds } from "./processors/sweep.ts"
import { createWriteEnd } from "./processors/write-end.ts"
import { createRunningJobs } from "./running-jobs.ts"

export type WorkerOptions = {
  redisUrl: string
  prefix: string
  concurrency: number
  retentionMs: number
  imageRetentionMs: number | undefined
  graceMs: number
  models: Models
  paint: Paint
  storage: Storage
  egress: Pick<Egress, "fetchTo">
  /** Folder for images on their way to storage. */
  spool: string
  log: Logger
}

/** Left of the grace time for writing down what was handed back. */
const handBackMs = 2_000

/** Starts taking jobs. Disposing of it takes no more, lets the running ones end and hands the rest back. */
export async function startWorker(options: WorkerOptions) {
  const { prefix, concurrency, retentionMs, storage, log } = options
  const connect = (role: "command" | "blocking" | "subscriber") =>
    connectRedis({
      url: options.redisUrl,
      role,
      name: `kiln-worker-${role}`,
      onError: (error) => log.error({ err: error, role }, "Redis is away"),
    })
  const redis = connect("command")
  const blocking = connect("blocking")
  const ledger = createLedger({ redis, prefix, retentionMs })
  const producer = createProducer({ redis, prefix })
  const running = createRunningJobs()
  const handOver = async (ready: readonly Handover[]) => {
    if (ready.length > 0) await producer.add(ready)
  }
  const generateImage = createGenerateImage({
    ...options,
    ledger,
    running,
    inputs: createInputs({ ...options, ledger }),
    makeImage: createMakeImage({ ...options, ledger, limits: createCallLimits({ calls: concurrency }) }),
    writeEnd: createWriteEnd({ ...options, ledger, handOver }),
  })
  const cancellation = await listenForCancellation({
    redis: connect("subscriber"),
    channel: cancelChannel(prefix),
    onCancel: (id) => running.abort(id, "canceled"),
  })
  const worker = `${hostname()}:${process.pid}`
  const rounds = startRounds({ ledger, storage, running, handOver, worker, concurrency, log })
  const consumer = createConsumer({
    redis: blocking,
    prefix,
    concurrency,
    process: generateImage,
    onError: seldom((error) => log.error({ err: error }, "the queue is in trouble")),
    onFailure: ({ id, turn }, error) =>
      log.error({ err: error, job: id, turn }, "an execution broke off, the job is offered again"),
  })
  return {
    trouble: () => (redis.status === "ready" ? undefined : "Redis is away"),
    async [Symbol.asyncDispose]() {
      const closing = consumer.close()
      const handBack = setTimeout(
        () => running.abortAll("shutdown"),
        Math.max(options.graceMs - handBackMs, options.graceMs / 2),
      )
      await closing
      clearTimeout(handBack)
      await rounds[Symbol.asyncDispose]()
      await cancellation[Symbol.asyncDispose]()
      await producer[Symbol.asyncDispose]()
      redis.disconnect()
      blocking.disconnect()
    },
  }
}

const seldomMs = 5_000

/** Tells of the first of many errors in a row. */
function seldom(tell: (error: Error) => void): (error: Error) => void {
  let toldAt = 0
  return (error) => {
    if (Date.now() - toldAt > seldomMs) tell(error)
    toldAt = Date.now()
  }
}
