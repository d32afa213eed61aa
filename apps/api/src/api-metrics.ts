import type { Ledger, Survey } from "@kiln/ledger"
import type { Metrics } from "@kiln/runtime"

import type { OpenWaits } from "./http/open-waits.ts"
import type { Observe } from "./http/request-log.ts"
import { oldestWaitS } from "./view/queue-view.ts"

type Deps = {
  metrics: Metrics
  ledger: Pick<Ledger, "lookAtQueue">
  waits: Pick<OpenWaits, "byKind">
  /** Webhooks that wait, by endpoint. */
  backlog: () => Promise<ReadonlyMap<string, number>>
}

/** No request is to take longer than its wait of 60 s. */
const requestSeconds = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** What the API tells of itself and of the queue. Labels are routes, statuses and models: never what callers choose. */
export function createApiMetrics({ metrics, ledger, waits, backlog }: Deps) {
  const requests = metrics.counter({
    name: "kiln_http_requests_total",
    help: "Requests that were answered or cut.",
    labels: ["route", "method", "status"],
  })
  const seconds = metrics.histogram({
    name: "kiln_http_request_seconds",
    help: "Time until the answer was written, waits included.",
    labels: ["route"],
    buckets: requestSeconds,
  })
  const open = metrics.gauge({
    name: "kiln_open_waits",
    help: "Waits and event streams that are open in this process.",
    labels: ["kind"],
  })
  const tellQueue = queueGauges(metrics)
  const tellBacklog = backlogGauges(metrics)

  const observe: Observe = ({ method, route = "none", status, ms }) => {
    requests.inc({ route, method: methods.has(method) ? method : "other", status })
    seconds.observe({ route }, ms / 1_000)
  }
  return {
    observe,
    /** All metrics as text; of the queue what was known last while Redis is away. */
    async text(): Promise<string> {
      for (const [kind, count] of Object.entries(waits.byKind())) open.set({ kind }, count)
      tellQueue(await ledger.lookAtQueue().catch(() => undefined))
      tellBacklog(await backlog().catch(() => undefined))
      return metrics.text()
    },
  }
}

const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])

/** These are the same in every API process: take the maximum of them, not the sum. */
function queueGauges(metrics: Metrics) {
  const gauge = (name: string, help: string) => metrics.gauge({ name: `kiln_${name}`, help })
  const up = gauge("redis_up", "Whether Redis answers.")
  const queued = gauge("queue_jobs", "Jobs that wait, for their turn or for a time.")
  const later = gauge("queue_later_jobs", "Of these, jobs that wait for a time.")
  const out = gauge("queue_out_jobs", "Jobs that were given to the queue or run.")
  const running = gauge("running_jobs", "Jobs that run.")
  const oldest = gauge("queue_oldest_seconds", "Age of the oldest job that waits for its turn.")
  const workers = gauge("workers_alive", "Workers whose heartbeat is heard.")
  const slots = gauge("worker_slots", "Jobs that all workers together run at once.")
  const starved = gauge("workers_starved_seconds", "How long a worker has taken nothing of what it could.")
  const resting = gauge("models_resting", "Models that wait for a quota of the upstream.")
  const ended = metrics.counter({
    name: "kiln_jobs_ended_total",
    help: "Jobs that ever ended, by their status.",
    labels: ["status"],
  })

  return (survey: Survey | undefined): void => {
    up.set(survey ? 1 : 0)
    if (!survey) return
    queued.set(survey.queued)
    later.set(survey.later)
    out.set(survey.out)
    running.set(survey.running)
    oldest.set(oldestWaitS(survey) ?? 0)
    workers.set(survey.workers.length)
    slots.set(survey.workers.reduce((sum, worker) => sum + worker.slots, 0))
    starved.set(Math.max(0, ...survey.workers.map(({ starvedMs }) => starvedMs)) / 1_000)
    resting.set(survey.rests.size)
    ended.reset()
    for (const [status, count] of survey.ended) ended.inc({ status }, count)
  }
}

/** A series for each endpoint would have no bound: only the longest are told by name. */
const mostNamed = 50

function backlogGauges(metrics: Metrics) {
  const all = metrics.gauge({ name: "kiln_webhook_backlog", help: "Webhooks that wait to be delivered." })
  const each = metrics.gauge({
    name: "kiln_webhook_endpoint_backlog",
    help: `The same of each endpoint, of the ${mostNamed} with the most.`,
    labels: ["endpoint"],
  })
  return (waiting: ReadonlyMap<string, number> | undefined): void => {
    if (!waiting) return
    const counts = [...waiting].toSorted(([, a], [, b]) => b - a)
    all.set(counts.reduce((sum, [, count]) => sum + count, 0))
    each.reset()
    for (const [endpoint, count] of counts.slice(0, mostNamed)) each.set({ endpoint }, count)
  }
}
