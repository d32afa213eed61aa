import { hostname } from "node:os"

import type { Egress } from "@kiln/egress"
import { createInputs } from "@kiln/inputs"
import type { CircuitPolicy, Models, Paint } from "@kiln/jobs"
import { cancelChannel, createLedger, type Handover } from "@kiln/ledger"
import { createConsumer, createProducer, listenForCancellation, type Consumer } from "@kiln/queue"
import { connectRedis, type Logger, type Metrics, type RedisRole } from "@kiln/runtime"
import type { Storage } from "@kiln/storage"

import { createCallLimits } from "./call-limits.ts"
import { createGenerateImage } from "./processors/generate-image.ts"
import { createMakeImage } from "./processors/make-image.ts"
import { startRounds } from "./processors/sweep.ts"
import { createWriteEnd } from "./processors/write-end.ts"
import { createProgress } from "./progress.ts"
import { createRunningJobs, type RunningJobs } from "./running-jobs.ts"
import { countOutages, measureEnds, tellWorker } from "./worker-metrics.ts"

export type WorkerOptions = {
  redisUrl: string
  prefix: string
  concurrency: number
  retentionMs: number
  imageRetentionMs: number | undefined
  graceMs: number
  /** When a model rests that is overloaded or gone. */
  circuit: CircuitPolicy
  models: Models
  paint: Paint
  storage: Storage
  egress: Pick<Egress, "fetchTo">
  /** Folder for images on their way to storage. */
  spool: string
  log: Logger
  metrics: Metrics
  /** After this a worker that takes none of what waits says that it is not ready. */
  stuckAfterMs: number
}

/** Left of the grace time for writing down what was handed back. */
const handBackMs = 2_000

/** Starts taking jobs. Disposing of it takes no more, lets the running ones end and hands the rest back. */
export async function startWorker(options: WorkerOptions) {
  const { prefix, concurrency, log, metrics } = options
  const connect = connector(options)
  const redis = connect("command")
  const blocking = connect("blocking")
  const ledger = createLedger({ ...options, redis })
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
    writeEnd: measureEnds(createWriteEnd({ ...options, ledger, handOver }), metrics),
  })
  const cancellation = await listenForCancellation({
    redis: connect("subscriber"),
    channel: cancelChannel(prefix),
    onCancel: (id) => running.abort(id, "canceled"),
  })
  const worker = `${hostname()}:${process.pid}`
  const progress = createProgress()
  const consumer = createConsumer({
    redis: blocking,
    prefix,
    concurrency,
    process: (task, lost) => {
      progress.took()
      return generateImage(task, lost)
    },
    onError: seldom((error) => log.error({ err: error }, "the queue is in trouble")),
    onFailure: ({ id, turn }, error) =>
      log.error({ err: error, job: id, turn }, "an execution broke off, the job is offered again"),
  })
  const rounds = startRounds({
    ...options,
    ledger,
    running,
    handOver,
    worker,
    progress: () => ({ running: consumer.running(), taken: progress.taken() }),
    onStarved: progress.starve,
  })
  return {
    trouble: () => troubleOf(redis.status, progress.starvedMs() > options.stuckAfterMs),
    metrics: tellWorker(metrics, { ...progress, slots: concurrency, running: () => consumer.running() }),
    async [Symbol.asyncDispose]() {
      await finish(consumer, running, options.graceMs)
      await rounds[Symbol.asyncDispose]()
      await cancellation[Symbol.asyncDispose]()
      await producer[Symbol.asyncDispose]()
      redis.disconnect()
      blocking.disconnect()
    },
  }
}

/** Lets the running jobs end, and hands back in time what does not. */
async function finish(consumer: Consumer, running: RunningJobs, graceMs: number): Promise<void> {
  const closing = consumer.close()
  const handBack = setTimeout(() => running.abortAll("shutdown"), Math.max(graceMs - handBackMs, graceMs / 2))
  await closing
  clearTimeout(handBack)
}

function troubleOf(status: string, isStuck: boolean): string | undefined {
  if (status !== "ready") return "Redis is away"
  return isStuck ? "it takes none of the jobs that wait for it" : undefined
}

/** Opens the worker's connections to Redis, and tells of those that break. */
function connector({ redisUrl, log, metrics }: Pick<WorkerOptions, "redisUrl" | "log" | "metrics">) {
  const countOutage = countOutages(metrics)
  return (role: RedisRole) =>
    connectRedis({
      url: redisUrl,
      role,
      name: `kiln-worker-${role}`,
      onError: (error) => {
        countOutage(role)
        log.error({ err: error, role }, "Redis is away")
      },
    })
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
