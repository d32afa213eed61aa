import { webhookChannel, type Ledger } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"
import type { EventText } from "@kiln/views"
import { createSend, type Post, type Schedule } from "@kiln/webhooks"
import type { Redis } from "ioredis"

import { createDeliverWebhook, type DeliveryMetrics } from "./processors/deliver-webhook.ts"
import { startWebhookPump, type WebhookPump } from "./processors/pump-webhooks.ts"

export type WebhookSettings = {
  post: Post
  /** Of this Kiln, for the receivers' logs. */
  version: string
  schedule: Schedule
  /** How long `post` takes at the most. */
  timeoutMs: number
  /** Deliveries in flight. */
  concurrency: number
  /** Of one endpoint, in all workers. */
  slots: number
}

type Deps = {
  ledger: Pick<Ledger, "deliveries">
  textOf: EventText
  /** A connection that subscribes. */
  subscriber: Redis
  prefix: string
  webhooks: WebhookSettings
  deliveryMetrics: DeliveryMetrics
  log: Logger
}

/** Reading what is to be said, and writing down the answer. */
const besideThePostMs = 10_000

/** Starts sending webhooks, at once when the ledger says that one is due. */
export async function startWebhooks({
  ledger,
  textOf,
  subscriber,
  prefix,
  webhooks,
  deliveryMetrics,
  log,
}: Deps): Promise<WebhookPump> {
  const { post, version, schedule, timeoutMs, concurrency, slots } = webhooks
  const { deliveries } = ledger
  const pump = startWebhookPump({
    deliveries,
    deliver: createDeliverWebhook({
      deliveries,
      textOf,
      send: createSend({ post, version }),
      schedule,
      random: Math.random,
      metrics: deliveryMetrics,
      log,
    }),
    concurrency,
    slots,
    leaseMs: timeoutMs + besideThePostMs,
    log,
  })
  const channel = webhookChannel(prefix)
  subscriber.on("message", (from) => {
    if (from === channel) pump.wake()
  })
  await subscriber.subscribe(channel)
  return pump
}
