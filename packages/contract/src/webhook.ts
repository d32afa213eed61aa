import { z } from "zod"

import { idOf } from "./ids.ts"
import { Job } from "./job.ts"
import { moment } from "./moment.ts"
import { EventFilter, WebhookEventType, WebhookHeaders, WebhookUrl } from "./own-webhook.ts"

const instant = z.iso.datetime()

const asked = {
  url: WebhookUrl,
  events: EventFilter,
  description: z.string().max(500),
  enabled: z.boolean(),
  headers: WebhookHeaders,
}

export const CreateWebhookEndpointRequest = z
  .strictObject({
    ...asked,
    events: asked.events.default(["*"]),
    description: asked.description.default(""),
    enabled: asked.enabled.default(true),
    headers: asked.headers.default({}),
  })
  .describe("An endpoint to make.")
export type CreateWebhookEndpointRequest = z.infer<typeof CreateWebhookEndpointRequest>

export const UpdateWebhookEndpointRequest = z
  .strictObject(asked)
  .partial()
  .describe("What is to be changed; what is not named stays. `headers` are replaced as a whole.")
export type UpdateWebhookEndpointRequest = z.infer<typeof UpdateWebhookEndpointRequest>

export const WebhookEndpoint = z
  .strictObject({
    id: idOf("whe"),
    object: z.literal("webhook_endpoint"),
    url: z.string(),
    events: EventFilter,
    description: z.string(),
    enabled: z.boolean(),
    disabled_reason: z.string().nullable().describe("Why Kiln disabled it; null when it did not."),
    headers: z.record(z.string(), z.string()),
    created_at: instant,
  })
  .describe("Where events are sent to.")
export type WebhookEndpoint = z.infer<typeof WebhookEndpoint>

const secret = z
  .string()
  .describe("Signs the deliveries: `whsec_` and the base64 of 32 bytes. Shown this once.")

export const WebhookEndpointWithSecret = WebhookEndpoint.extend({ secret }).describe(
  "An endpoint and its new secret.",
)
export type WebhookEndpointWithSecret = z.infer<typeof WebhookEndpointWithSecret>

export const WebhookSecret = z
  .strictObject({ object: z.literal("webhook_secret"), secret, created_at: instant })
  .describe("What signs the webhooks that jobs and batches bring along.")
export type WebhookSecret = z.infer<typeof WebhookSecret>

export const deliveryStatuses = ["pending", "delivered", "exhausted", "discarded"] as const
export const DeliveryStatus = z.enum(deliveryStatuses)
export type DeliveryStatus = z.infer<typeof DeliveryStatus>

export const DeliveryAttempt = z.strictObject({
  at: instant,
  status_code: z.int().nullable().describe("What the receiver answered; null when it did not."),
  ms: z.int().describe("How long it took."),
  error: z.string().nullable(),
  response: z.string().nullable().describe("The answer's first 1 KB."),
})
export type DeliveryAttempt = z.infer<typeof DeliveryAttempt>

export const WebhookDelivery = z
  .strictObject({
    id: idOf("dlv"),
    object: z.literal("webhook_delivery"),
    event: idOf("evt"),
    event_type: WebhookEventType,
    endpoint: idOf("whe"),
    status: DeliveryStatus.describe(
      "`exhausted`: every try failed. `discarded`: its endpoint was disabled or deleted.",
    ),
    next_attempt_at: instant.nullable(),
    attempts: z.array(DeliveryAttempt),
    created_at: instant,
  })
  .describe("One event on its way to one endpoint, with every try.")
export type WebhookDelivery = z.infer<typeof WebhookDelivery>

export const ReplayRequest = z
  .strictObject({
    since: moment.describe("Events from then on."),
    until: moment.optional().describe("Events until then; absent: now."),
    types: EventFilter.optional().describe("Absent: those that the endpoint listens to."),
    status: DeliveryStatus.optional().describe("Only those whose delivery to this endpoint stands so."),
    dry_run: z.boolean().default(false).describe("Only count."),
  })
  .describe("Which events are to be sent again.")
export type ReplayRequest = z.infer<typeof ReplayRequest>

export const Replayed = z.strictObject({
  count: z.int().describe("Events that are sent again, or would be."),
})

const removedJob = z
  .strictObject({ id: idOf("job"), object: z.literal("job"), deleted: z.literal(true) })
  .describe("The job was deleted since.")

const sentJob = Job.extend({
  truncated: z.literal(true).optional().describe("Long texts were cut to keep the event small."),
})

export const WebhookData = z.union([sentJob, removedJob, z.record(z.string(), z.unknown())])

/** One thing that happened, as it is pulled; a webhook brings the same without `id`, which is its `webhook-id`. */
export const WebhookEvent = z
  .strictObject({
    id: idOf("evt"),
    type: WebhookEventType,
    timestamp: instant,
    data: WebhookData.describe("The job or batch as it is when the event is sent."),
  })
  .describe("Something that happened, under 20 KB.")
export type WebhookEvent = z.infer<typeof WebhookEvent>
