import { Asset, AssetRequest } from "./asset.ts"
import { Batch, BatchEvent, BatchItem, BatchRequest } from "./batch.ts"
import { EditRequest } from "./edit.ts"
import { Estimate, EstimateRequest } from "./estimate.ts"
import { JobEvent } from "./event.ts"
import { GenerationRequest } from "./generation.ts"
import { Job } from "./job.ts"
import { ApiKey, CreatedApiKey, CreateKeyRequest } from "./key.ts"
import { TenantLimits, TenantLimitsRequest } from "./limits.ts"
import { Model } from "./model.ts"
import { Problem } from "./problem.ts"
import { QueueReport } from "./queue.ts"
import { Template, TemplateRequest } from "./template.ts"
import { UsageReport } from "./usage.ts"
import {
  CreateWebhookEndpointRequest,
  ReplayRequest,
  UpdateWebhookEndpointRequest,
  WebhookDelivery,
  WebhookEndpoint,
  WebhookEndpointWithSecret,
  WebhookEvent,
  WebhookSecret,
} from "./webhook.ts"

/** The schemas of requests that stand under their own names. */
export const requests = {
  GenerationRequest,
  EditRequest,
  BatchRequest,
  EstimateRequest,
  AssetRequest,
  TemplateRequest,
  CreateKeyRequest,
  TenantLimitsRequest,
  CreateWebhookEndpointRequest,
  UpdateWebhookEndpointRequest,
  ReplayRequest,
}

/** The same of replies. */
export const replies = {
  Job,
  JobEvent,
  Batch,
  BatchItem,
  BatchEvent,
  Asset,
  Template,
  Model,
  ApiKey,
  CreatedApiKey,
  TenantLimits,
  UsageReport,
  QueueReport,
  Estimate,
  WebhookEndpoint,
  WebhookEndpointWithSecret,
  WebhookSecret,
  WebhookDelivery,
  WebhookEvent,
  Problem,
}
