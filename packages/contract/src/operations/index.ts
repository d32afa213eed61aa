import { createAsset, deleteAsset, getAsset } from "./assets.ts"
import { getHealth, getReadiness } from "./health.ts"
import {
  cancelJob,
  createEdit,
  createGeneration,
  deleteJob,
  getJob,
  getOutput,
  listJobs,
  retryJob,
  watchJob,
} from "./jobs.ts"
import { createKey, listKeys, revokeKey } from "./keys.ts"
import { getLimits, putLimits } from "./limits.ts"
import { listModels } from "./models.ts"
import { deleteTemplate, getTemplate, listTemplates, putTemplate } from "./templates.ts"
import {
  createWebhookEndpoint,
  createWebhookSecret,
  deleteWebhookEndpoint,
  getWebhookDelivery,
  getWebhookEndpoint,
  listEvents,
  listWebhookDeliveries,
  listWebhookEndpoints,
  redeliverWebhook,
  replayWebhookEvents,
  rotateWebhookSecret,
  testWebhookEndpoint,
  updateWebhookEndpoint,
} from "./webhooks.ts"

/** Every operation of the API by its id. */
export const operations = {
  createGeneration,
  createEdit,
  getJob,
  listJobs,
  cancelJob,
  retryJob,
  deleteJob,
  getOutput,
  watchJob,
  createAsset,
  getAsset,
  deleteAsset,
  listTemplates,
  getTemplate,
  putTemplate,
  deleteTemplate,
  listModels,
  createWebhookEndpoint,
  listWebhookEndpoints,
  getWebhookEndpoint,
  updateWebhookEndpoint,
  deleteWebhookEndpoint,
  rotateWebhookSecret,
  testWebhookEndpoint,
  replayWebhookEvents,
  createWebhookSecret,
  listWebhookDeliveries,
  getWebhookDelivery,
  redeliverWebhook,
  listEvents,
  createKey,
  listKeys,
  revokeKey,
  getLimits,
  putLimits,
  getHealth,
  getReadiness,
} as const
