import type { DeliveryTry, Ledger, TakenDelivery } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"
import type { EventText } from "@kiln/views"
import { judgeTry, type Answer, type Schedule, type Send, type Try, type Verdict } from "@kiln/webhooks"

import { insist } from "../insist.ts"

/** What is counted of deliveries; nobody's address is in it. */
export type DeliveryMetrics = {
  /** A try was sent: what follows it, and how long the receiver took. */
  tried(outcome: Verdict["kind"], tookMs: number): void
  /** From a delivery's making, which is its event's unless it is replayed, to its first try. */
  firstTry(afterMs: number): void
}

export type DeliverWebhookDeps = {
  deliveries: Pick<Ledger["deliveries"], "record" | "giveBack">
  textOf: EventText
  send: Send
  schedule: Schedule
  random: () => number
  metrics: DeliveryMetrics
  log: Logger
}

export type Sending = {
  stop: AbortSignal
  /** Its receiver has answered, or was given up: what is left is to write that down. */
  onSent: () => void
}

const never = new AbortController().signal
/** Longer than Redis takes to come back from a restart; after that the lease is over and the delivery another's. */
const recordingMs = 20_000

/**
 * One try of one delivery: say it, send it, judge the answer, write it down. A process that dies in any line leaves
 * a lease that ends, and the event is sent again under the same id. Rejects when nothing could be said or written.
 */
export function createDeliverWebhook(deps: DeliverWebhookDeps) {
  const { deliveries, textOf, send, metrics, log } = deps

  return async function deliverWebhook(delivery: TakenDelivery, { stop, onSent }: Sending): Promise<void> {
    const tried = await attempt(delivery, stop)
    onSent()
    if (tried === "stopped") return deliveries.giveBack(delivery)
    const verdict = verdictOf(delivery, tried, deps)
    metrics.tried(verdict.kind, tried.tookMs)
    if (delivery.attempts === 0) metrics.firstTry(tried.at.getTime() - delivery.createdAt.getTime())
    const { endpoint, event } = delivery
    const recorded = await insist(() => deliveries.record(delivery, tryOf(tried), verdict), {
      signal: never,
      lastTry: stop,
      forMs: recordingMs,
      onError: (error) => log.warn({ err: error, delivery: delivery.id }, "try not written down yet"),
    })
    if (recorded.kind === "recorded" && recorded.disabled !== null) {
      log.warn({ endpoint, reason: recorded.disabled }, "endpoint disabled")
    }
    log.debug({ delivery: delivery.id, endpoint, event: event.id, outcome: verdict.kind }, "webhook sent")
  }

  async function attempt(delivery: TakenDelivery, stop: AbortSignal): Promise<Try | "stopped"> {
    try {
      const body = await textOf(delivery)
      return await send({ ...delivery, id: delivery.event.id, body }, stop)
    } catch (error) {
      if (stop.aborted) return "stopped"
      throw error
    }
  }
}

function verdictOf(
  { tries, once }: TakenDelivery,
  { answer, at, tookMs }: Try,
  { schedule, random }: DeliverWebhookDeps,
): Verdict {
  const now = new Date(at.getTime() + tookMs)
  const verdict = judgeTry(answer, { failedBefore: tries, schedule, now, random })
  return once && verdict.kind === "again" ? { kind: "exhausted", restMs: 0 } : verdict
}

const tryOf = ({ at, tookMs, answer }: Try): DeliveryTry => ({
  at,
  ms: tookMs,
  statusCode: answer.kind === "answered" ? answer.status : null,
  error: errorOf(answer),
  response: answer.kind === "answered" ? answer.text : null,
})

function errorOf(answer: Answer): string | null {
  if (answer.kind === "failed") return answer.reason
  const { status } = answer
  if (status >= 200 && status < 300) return null
  if (status >= 300 && status < 400) return `The receiver answered ${status}, and redirects are not followed`
  return `The receiver answered ${status}`
}
