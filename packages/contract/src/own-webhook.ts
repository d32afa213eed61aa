import { z } from "zod"

export const webhookEventTypes = [
  "job.started",
  "job.succeeded",
  "job.failed",
  "job.canceled",
  "job.expired",
  "batch.progress",
  "batch.completed",
  "batch.canceled",
  "budget.threshold",
  "webhook.test",
] as const
export const WebhookEventType = z.enum(webhookEventTypes)
export type WebhookEventType = z.infer<typeof WebhookEventType>

/** What a webhook of one job or batch is told when it names no events: how that ended. */
export const endingEvents = {
  job: ["job.succeeded", "job.failed", "job.canceled", "job.expired"],
  batch: ["batch.completed", "batch.canceled"],
} as const satisfies Record<string, readonly WebhookEventType[]>

export const EventFilter = z
  .array(z.enum(["*", ...webhookEventTypes]))
  .min(1)
  .max(webhookEventTypes.length + 1)
  .describe("Types of events; `*` is all of them.")

export const WebhookUrl = z.string().min(1).max(2_048).describe("Where events are posted to.")

/** Headers that say how a message is framed, where it goes or who signed it are Kiln's own. */
const ownHeaders =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|user-agent|date|content-.*|proxy-.*|webhook-.*|sec-.*|:.*)$/i
const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, "expected the name of an HTTP header")
  .refine((name) => !ownHeaders.test(name), "is a header that Kiln sets itself")

export const WebhookHeaders = z
  .record(
    headerName,
    z.string().regex(/^[\t\x20-\x7e]{0,1024}$/, "expected up to 1024 printable ASCII characters"),
  )
  .refine((headers) => Object.keys(headers).length <= 16, "must have at most 16 headers")
  .refine(
    (headers) =>
      new Set(Object.keys(headers).map((name) => name.toLowerCase())).size === Object.keys(headers).length,
    "must not have a header twice",
  )
  .describe("Headers of your own, such as `Authorization`.")

/** A webhook for one job or batch alone. */
export const OwnWebhook = z
  .strictObject({ url: WebhookUrl, events: EventFilter.optional(), headers: WebhookHeaders.optional() })
  .describe("Tells of this alone, by default how it ended; signed with the tenant's own webhook secret.")
export type OwnWebhook = z.infer<typeof OwnWebhook>
