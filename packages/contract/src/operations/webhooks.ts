import { z } from "zod"

import { idOf } from "../ids.ts"
import { listOf, paging } from "../list.ts"
import type { Operation } from "../operation.ts"
import { WebhookEventType } from "../own-webhook.ts"
import {
  CreateWebhookEndpointRequest,
  DeliveryStatus,
  Replayed,
  ReplayRequest,
  UpdateWebhookEndpointRequest,
  WebhookDelivery,
  WebhookEndpoint,
  WebhookEndpointWithSecret,
  WebhookEvent,
  WebhookSecret,
} from "../webhook.ts"

const none = z.strictObject({})
const nothing = z.undefined()
const byId = z.strictObject({ id: idOf("whe") })
const once = {
  "idempotency-key": "1 to 255 characters; the same key and body within 24 h give the first answer again.",
}
const onceFailures = ["idempotency_in_progress", "idempotency_mismatch"] as const

export const createWebhookEndpoint = {
  method: "post",
  path: "/v1/webhook-endpoints",
  tag: "Webhooks",
  summary: "Have events posted to a URL; at most 50 endpoints a tenant",
  scope: "webhooks",
  params: none,
  query: none,
  headers: once,
  body: CreateWebhookEndpointRequest,
  status: 201,
  reply: WebhookEndpointWithSecret,
  failures: onceFailures,
} as const satisfies Operation

export const listWebhookEndpoints = {
  method: "get",
  path: "/v1/webhook-endpoints",
  tag: "Webhooks",
  summary: "List endpoints, newest first",
  scope: "webhooks",
  params: none,
  query: z.strictObject({ ...paging, after: idOf("whe").optional() }),
  body: nothing,
  status: 200,
  reply: listOf(WebhookEndpoint),
  failures: [],
} as const satisfies Operation

export const getWebhookEndpoint = {
  method: "get",
  path: "/v1/webhook-endpoints/:id",
  tag: "Webhooks",
  summary: "See an endpoint, without its secret",
  scope: "webhooks",
  params: byId,
  query: none,
  body: nothing,
  status: 200,
  reply: WebhookEndpoint,
  failures: ["not_found"],
} as const satisfies Operation

export const updateWebhookEndpoint = {
  ...getWebhookEndpoint,
  method: "patch",
  summary: "Change an endpoint; one that is enabled again starts with a clean record",
  body: UpdateWebhookEndpointRequest,
} as const satisfies Operation

export const deleteWebhookEndpoint = {
  ...getWebhookEndpoint,
  method: "delete",
  summary: "Delete an endpoint; what it had waiting is discarded",
  status: 204,
  reply: nothing,
} as const satisfies Operation

export const rotateWebhookSecret = {
  ...getWebhookEndpoint,
  method: "post",
  path: "/v1/webhook-endpoints/:id/rotate-secret",
  summary: "Make a new secret; for 24 hours deliveries are signed with the old one too",
  headers: once,
  reply: WebhookEndpointWithSecret,
  failures: ["not_found", ...onceFailures],
} as const satisfies Operation

export const testWebhookEndpoint = {
  ...getWebhookEndpoint,
  method: "post",
  path: "/v1/webhook-endpoints/:id/test",
  summary: "Send a `webhook.test`, whatever the endpoint listens to; it is tried once",
  headers: once,
  status: 202,
  reply: WebhookDelivery,
  failures: ["not_found", ...onceFailures],
} as const satisfies Operation

export const replayWebhookEvents = {
  ...getWebhookEndpoint,
  method: "post",
  path: "/v1/webhook-endpoints/:id/replay",
  summary: "Send what happened in a time again, under the events' own ids",
  headers: once,
  body: ReplayRequest,
  reply: Replayed,
  failures: ["not_found", ...onceFailures],
} as const satisfies Operation

export const createWebhookSecret = {
  method: "post",
  path: "/v1/webhook-secret",
  tag: "Webhooks",
  summary:
    "Make a new secret for the webhooks that jobs and batches bring along; the old one is good for 24 hours more",
  scope: "webhooks",
  params: none,
  query: none,
  headers: once,
  body: nothing,
  status: 200,
  reply: WebhookSecret,
  failures: onceFailures,
} as const satisfies Operation

export const listWebhookDeliveries = {
  method: "get",
  path: "/v1/webhook-deliveries",
  tag: "Webhooks",
  summary: "List deliveries with every try, those of the newest events first; they are kept for 30 days",
  scope: "webhooks",
  params: none,
  query: z.strictObject({
    ...paging,
    after: idOf("dlv").optional(),
    endpoint: idOf("whe").optional(),
    event: idOf("evt").optional(),
    status: DeliveryStatus.optional(),
  }),
  body: nothing,
  status: 200,
  reply: listOf(WebhookDelivery),
  failures: [],
} as const satisfies Operation

export const getWebhookDelivery = {
  method: "get",
  path: "/v1/webhook-deliveries/:id",
  tag: "Webhooks",
  summary: "See a delivery with every try",
  scope: "webhooks",
  params: z.strictObject({ id: idOf("dlv") }),
  query: none,
  body: nothing,
  status: 200,
  reply: WebhookDelivery,
  failures: ["not_found"],
} as const satisfies Operation

export const redeliverWebhook = {
  ...getWebhookDelivery,
  method: "post",
  path: "/v1/webhook-deliveries/:id/redeliver",
  summary: "Send a delivery again, now and with all its tries",
  headers: once,
  status: 202,
  failures: ["not_found", ...onceFailures],
} as const satisfies Operation

export const listEvents = {
  method: "get",
  path: "/v1/events",
  tag: "Webhooks",
  summary:
    "Pull what happened, oldest first; events are kept for 30 days, at most the last 2 000 000 a tenant",
  scope: "webhooks",
  params: none,
  query: z.strictObject({
    ...paging,
    after: idOf("evt").optional().describe("The last event that was read; absent: from the oldest on."),
    type: WebhookEventType.optional(),
  }),
  body: nothing,
  status: 200,
  reply: listOf(WebhookEvent),
  failures: [],
} as const satisfies Operation
