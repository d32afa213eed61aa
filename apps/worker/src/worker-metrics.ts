import { JobFailure } from "@kiln/contract"
import { CallAborted, type Paint } from "@kiln/jobs"
import type { Metrics } from "@kiln/runtime"
import type { Storage } from "@kiln/storage"

import type { DeliveryMetrics } from "./processors/deliver-webhook.ts"
import type { WriteEnd } from "./processors/write-end.ts"

/**
 * A worker's steps are measured by standing between them and their callers. Labels are models, codes and names of
 * steps: never anything that callers choose.
 */

/** The models answer in some ten seconds, and a call is given up after minutes. */
const callSeconds = [0.5, 1, 2, 5, 8, 12, 16, 20, 30, 45, 60, 90, 120, 180, 300]
const storageSeconds = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Measures the calls of any number of painters together. */
export function measurePaints(metrics: Metrics): (paint: Paint) => Paint {
  const calls = metrics.counter({
    name: "kiln_upstream_calls_total",
    help: "Calls of the upstream by how they ended: succeeded, aborted or a code of failure.",
    labels: ["model", "outcome"],
  })
  const seconds = metrics.histogram({
    name: "kiln_upstream_call_seconds",
    help: "Time until the upstream's whole answer was here, or its failure was known.",
    labels: ["model"],
    buckets: callSeconds,
  })
  return (paint) => async (request, options) => {
    const model = request.model.id
    const stop = seconds.startTimer({ model })
    try {
      const painted = await paint(request, options)
      calls.inc({ model, outcome: "succeeded" })
      return painted
    } catch (error) {
      calls.inc({ model, outcome: outcomeOf(error) })
      throw error
    } finally {
      stop()
    }
  }
}

function outcomeOf(error: unknown): string {
  if (error instanceof CallAborted) return "aborted"
  return error instanceof JobFailure ? error.code : "internal"
}

export function measureStorage(storage: Storage, metrics: Metrics): Storage {
  const seconds = metrics.histogram({
    name: "kiln_storage_seconds",
    help: "Time that a step of the storage took.",
    labels: ["step", "outcome"],
    buckets: storageSeconds,
  })
  async function timed<Result>(step: string, work: Promise<Result>): Promise<Result> {
    const stop = seconds.startTimer({ step })
    try {
      const result = await work
      stop({ outcome: "succeeded" })
      return result
    } catch (error) {
      stop({ outcome: "failed" })
      throw error
    }
  }
  return {
    ...storage,
    put: (key, body, options) => timed("put", storage.put(key, body, options)),
    head: (key, signal) => timed("head", storage.head(key, signal)),
    removeAll: (prefix, signal) => timed("remove", storage.removeAll(prefix, signal)),
  }
}

export function measureEnds(writeEnd: WriteEnd, metrics: Metrics): WriteEnd {
  const attempts = metrics.counter({
    name: "kiln_attempts_total",
    help: "Attempts at jobs that ended; one that is not `final` is followed by another.",
    labels: ["model", "outcome", "final"],
  })
  return async (end) => {
    await writeEnd(end)
    const { kind, outcome } = end.settlement
    attempts.inc({ model: end.record.model, outcome, final: String(kind === "end") })
  }
}

/** Receivers have 15 seconds for an answer. */
const trySeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15]
const firstTrySeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300, 3_600]

export function measureWebhooks(metrics: Metrics): DeliveryMetrics {
  const tries = metrics.counter({
    name: "kiln_webhook_tries_total",
    help: "Webhooks that were sent by what follows: delivered, again, exhausted or gone (410).",
    labels: ["outcome"],
  })
  const seconds = metrics.histogram({
    name: "kiln_webhook_try_seconds",
    help: "Time until a receiver had answered, or was given up.",
    buckets: trySeconds,
  })
  const firstTry = metrics.histogram({
    name: "kiln_webhook_first_try_seconds",
    help: "Time from an event, or from the replay that was asked for, to the first try of a delivery.",
    buckets: firstTrySeconds,
  })
  return {
    tried(outcome, tookMs) {
      tries.inc({ outcome })
      seconds.observe(tookMs / 1_000)
    },
    firstTry: (afterMs) => firstTry.observe(Math.max(0, afterMs) / 1_000),
  }
}

export function countOutages(metrics: Metrics): (use: string) => void {
  const outages = metrics.counter({
    name: "kiln_redis_outages_total",
    help: "Connections to Redis that broke or did not come about, counted once an outage.",
    labels: ["use"],
  })
  return (use) => outages.inc({ use })
}

/** All metrics of the worker as text, with its state as it is when it is asked. */
export function tellWorker(
  metrics: Metrics,
  worker: {
    slots: number
    running: () => number
    lastTakenAt: () => number | undefined
    spoolBytes: () => Promise<number>
  },
): () => Promise<string> {
  const slots = metrics.gauge({ name: "kiln_own_slots", help: "Jobs that this worker runs at once." })
  const running = metrics.gauge({ name: "kiln_own_running_jobs", help: "Jobs that this worker runs." })
  const taken = metrics.gauge({
    name: "kiln_own_last_taken_timestamp_seconds",
    help: "When this worker last took a job; 0: never.",
  })
  const spool = metrics.gauge({
    name: "kiln_own_spool_bytes",
    help: "Bytes of images on their way to storage, of all processes that share the data folder.",
  })
  return async () => {
    spool.set(await worker.spoolBytes())
    slots.set(worker.slots)
    running.set(worker.running())
    taken.set((worker.lastTakenAt() ?? 0) / 1_000)
    return metrics.text()
  }
}
