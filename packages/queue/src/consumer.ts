import { UnrecoverableError, Worker } from "bullmq"
import type { Redis } from "ioredis"

import { imageQueue, queuePrefix } from "./image-queue.ts"
import type { Task } from "./producer.ts"

type Options = {
  /** A blocking connection; BullMQ makes a second one of it. */
  redis: Redis
  prefix: string
  concurrency: number
  /** Does the task. */
  process: (task: Task) => Promise<void>
  /** The queue takes this worker for dead and gives some of its tasks to others; the ledger says whose they are. */
  onLockLost: () => void
  /** The queue is in trouble. */
  onError: (error: Error) => void
  /** `process` threw: the ledger will offer the job again. */
  onFailure: (task: Task, error: unknown) => void
}

export type Consumer = {
  /** Takes no more tasks and waits for the running ones. */
  close(): Promise<void>
  running(): number
}

/** Errors in a row after which a worker stops asking for a while: BullMQ itself would ask thousands of times a second. */
const errorsBeforePause = 20
const pauseMs = 3_000

/** The way out of the queue: calls `process` for each task, `concurrency` at once. */
export function createConsumer({
  redis,
  prefix,
  concurrency,
  process,
  onLockLost,
  onError,
  onFailure,
}: Options): Consumer {
  const running = new Set<string>()
  const worker = new Worker<Task>(
    imageQueue.name,
    async (job) => {
      running.add(job.data.id)
      try {
        await process(job.data)
      } catch (error) {
        onFailure(job.data, error)
        // The ledger decides what is tried again; the queue never does.
        throw new UnrecoverableError(error instanceof Error ? error.message : "failed")
      } finally {
        running.delete(job.data.id)
      }
    },
    {
      connection: redis,
      prefix: queuePrefix(prefix),
      concurrency,
      lockDuration: imageQueue.lockDuration,
      stalledInterval: imageQueue.stalledInterval,
      maxStalledCount: imageQueue.maxStalledCount,
      drainDelay: imageQueue.drainDelay,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    },
  )
  worker.on("lockRenewalFailed", onLockLost)
  pauseOnErrors(worker, onError)
  return { close: () => worker.close(), running: () => running.size }
}

function pauseOnErrors(worker: Worker<Task>, onError: (error: Error) => void): void {
  let errors = 0
  worker.on("completed", () => void (errors = 0))
  worker.on("error", (error) => {
    onError(error)
    errors += 1
    if (errors !== errorsBeforePause) return
    void worker.pause(true)
    setTimeout(() => {
      errors = 0
      void worker.resume()
    }, pauseMs).unref()
  })
}
