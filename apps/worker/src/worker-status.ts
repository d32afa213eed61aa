import type { Consumer } from "@kiln/queue"
import type { Metrics } from "@kiln/runtime"
import type { Redis } from "ioredis"

import type { SpoolRoom } from "./processors/spool-room.ts"
import type { Progress } from "./progress.ts"
import { tellWorker } from "./worker-metrics.ts"

type Options = { metrics: Metrics; concurrency: number; stuckAfterMs: number }
type Told = { redis: Redis; consumer: Consumer; progress: Progress; room: SpoolRoom }

/** What the worker tells of itself. */
export function statusOf({ metrics, concurrency, stuckAfterMs }: Options, parts: Told) {
  const { redis, consumer, progress, room } = parts
  return {
    trouble: (): string | undefined => {
      if (redis.status !== "ready") return "Redis is away"
      if (progress.starvedMs() > stuckAfterMs) return "it takes none of the jobs that wait for it"
      return room.trouble()
    },
    metrics: tellWorker(metrics, {
      ...progress,
      slots: concurrency,
      running: () => consumer.running(),
      spoolBytes: room.bytes,
    }),
  }
}
