import { operations, Refusal } from "@kiln/contract"
import type { Egress } from "@kiln/egress"
import type { Inputs } from "@kiln/inputs"
import type { Models } from "@kiln/jobs"
import type { Feed, Ledger } from "@kiln/ledger"
import type { Reuse } from "@kiln/reuse"
import type { Logger, Metrics } from "@kiln/runtime"
import type { Storage } from "@kiln/storage"
import { createDocuments, createEventBody, createJobView, createSignedUrls } from "@kiln/views"
import express, { Router, type RequestHandler } from "express"
import type { Redis } from "ioredis"

import { createApiMetrics } from "./api-metrics.ts"
import { mountBatches } from "./batches/mount-batches.ts"
import { createFindJob } from "./find-job.ts"
import { createFindPrevious } from "./find-previous.ts"
import { createFindTemplate } from "./find-template.ts"
import type { HandOver } from "./hand-over.ts"
import { authenticate } from "./http/authenticate.ts"
import { createKnownKeys, type KnownKeys } from "./http/known-keys.ts"
import { mount } from "./http/mount.ts"
import { createOpenWaits, type OpenWaits } from "./http/open-waits.ts"
import { answerProblems } from "./http/problem.ts"
import { rateLimit } from "./http/rate-limit.ts"
import { createReadForm } from "./http/read-form.ts"
import { requestId } from "./http/request-id.ts"
import { requestLog } from "./http/request-log.ts"
import { securityHeaders } from "./http/security-headers.ts"
import { createReadiness } from "./readiness.ts"
import { createResolveInputs } from "./resolve-inputs.ts"
import { cancelJob } from "./routes/cancel-job.ts"
import { createAsset } from "./routes/create-asset.ts"
import { createEdit } from "./routes/create-edit.ts"
import { createGeneration } from "./routes/create-generation.ts"
import { createKey } from "./routes/create-key.ts"
import { createWebhookEndpoint } from "./routes/create-webhook-endpoint.ts"
import { createWebhookSecret } from "./routes/create-webhook-secret.ts"
import { deleteAsset } from "./routes/delete-asset.ts"
import { deleteJob } from "./routes/delete-job.ts"
import { deleteTemplate } from "./routes/delete-template.ts"
import { deleteWebhookEndpoint } from "./routes/delete-webhook-endpoint.ts"
import { docs } from "./routes/docs.ts"
import { getAsset } from "./routes/get-asset.ts"
import { getJob } from "./routes/get-job.ts"
import { getLimits } from "./routes/get-limits.ts"
import { getOutput } from "./routes/get-output.ts"
import { getQueue } from "./routes/get-queue.ts"
import { getTemplate } from "./routes/get-template.ts"
import { getUsage } from "./routes/get-usage.ts"
import { getWebhookDelivery } from "./routes/get-webhook-delivery.ts"
import { getWebhookEndpoint } from "./routes/get-webhook-endpoint.ts"
import { getHealth, getReadiness } from "./routes/health.ts"
import { listEvents } from "./routes/list-events.ts"
import { listJobs } from "./routes/list-jobs.ts"
import { listKeys } from "./routes/list-keys.ts"
import { listModels } from "./routes/list-models.ts"
import { listTemplates } from "./routes/list-templates.ts"
import { listWebhookDeliveries } from "./routes/list-webhook-deliveries.ts"
import { listWebhookEndpoints } from "./routes/list-webhook-endpoints.ts"
import { metricsPage } from "./routes/metrics.ts"
import { putLimits } from "./routes/put-limits.ts"
import { putTemplate } from "./routes/put-template.ts"
import { redeliverWebhook } from "./routes/redeliver-webhook.ts"
import { replayWebhookEvents } from "./routes/replay-webhook-events.ts"
import { resumeQueue } from "./routes/resume-queue.ts"
import { retryJob } from "./routes/retry-job.ts"
import { revokeKey } from "./routes/revoke-key.ts"
import { rotateWebhookSecret } from "./routes/rotate-webhook-secret.ts"
import { testWebhookEndpoint } from "./routes/test-webhook-endpoint.ts"
import { updateWebhookEndpoint } from "./routes/update-webhook-endpoint.ts"
import { watchJob } from "./routes/watch-job.ts"
import { createSubmitJob } from "./submit-job.ts"
import { createAssetView } from "./view/asset-view.ts"
import { createToldJobs } from "./view/told-jobs.ts"
import { createCheckWebhookUrl } from "./webhook-guard.ts"

export type AppOptions = {
  redis: Redis
  ledger: Ledger
  feed: Feed
  models: Models
  storage: Storage
  inputs: Inputs
  reuse: Reuse
  /** Looks where webhooks would go to. */
  webhookEgress: Pick<Egress, "checkReachable">
  /** Answers `/files/…` where the storage is a folder of this machine. */
  files: RequestHandler | undefined
  handOver: HandOver
  counter: { hit(tenant: string): { total: number; resetsAt: Date } }
  log: Logger
  metrics: Metrics
  metricsToken: string | undefined
  /** Aborted when the process is to stop: who waits is answered then. */
  closing: AbortSignal
  publicUrl: string
  urlTtlMs: number
  linksExpire: boolean
  retentionMs: number
  imageRetentionMs: number | null
  requestsPerMinute: number
  /** Waits and event streams that a tenant may have open. */
  mostWaits: number
  /** After this a worker that takes none of what waits is stuck. */
  stuckAfterMs: number
}

/** The API: what a request passes through, in this order. */
export function createApp(options: AppOptions): express.Express {
  const { ledger, log, counter, files, publicUrl } = options
  const keys = createKnownKeys(ledger)
  const onError = (err: unknown) => log.warn({ err }, "the last use of a key was not noted")
  const whoCalls = authenticate({ keys, touch: (id, at) => ledger.apiKeys.touch(id, at), onError })
  const waits = createOpenWaits({ most: options.mostWaits })
  const backlog = () => ledger.deliveries.backlog()
  const apiMetrics = createApiMetrics({ ...options, waits, backlog })
  const app = express()
  app.disable("x-powered-by").disable("etag").set("query parser", "extended")
  app.use(requestId, requestLog(log, apiMetrics.observe), securityHeaders)
  if (files) app.use("/files", files)
  app.use(docs({ publicUrl }))
  app.use(metricsPage({ ...options, apiMetrics, authenticate: whoCalls, token: options.metricsToken }))
  app.use("/v1", whoCalls, rateLimit({ counter, usual: options.requestsPerMinute }))
  app.use(routes({ ...options, waits, keys }))
  app.use(() => {
    throw new Refusal("not_found", "There is no such page")
  })
  app.use(answerProblems(log))
  return app
}

type RouteOptions = AppOptions & { keys: KnownKeys; waits: OpenWaits }

function routes(options: RouteOptions): Router {
  const { readForm, ...deps } = partsOf(options)
  const router = Router()
  mount(router, operations.createGeneration, createGeneration(deps), readForm)
  mount(router, operations.createEdit, createEdit(deps), readForm)
  mount(router, operations.getJob, getJob(deps))
  mount(router, operations.listJobs, listJobs(deps))
  mount(router, operations.cancelJob, cancelJob(deps))
  mount(router, operations.retryJob, retryJob(deps))
  mount(router, operations.deleteJob, deleteJob(deps))
  mount(router, operations.getOutput, getOutput(deps))
  mount(router, operations.watchJob, watchJob(deps))
  mountBatches(router, deps)
  mount(router, operations.createAsset, createAsset(deps))
  mount(router, operations.getAsset, getAsset(deps))
  mount(router, operations.deleteAsset, deleteAsset(deps))
  mount(router, operations.listTemplates, listTemplates(deps))
  mount(router, operations.getTemplate, getTemplate(deps))
  mount(router, operations.putTemplate, putTemplate(deps))
  mount(router, operations.deleteTemplate, deleteTemplate(deps))
  mount(router, operations.listModels, listModels(deps))
  mountWebhooks(router, deps)
  mount(router, operations.createKey, createKey(deps))
  mount(router, operations.listKeys, listKeys(deps))
  mount(router, operations.revokeKey, revokeKey(deps))
  mount(router, operations.getLimits, getLimits(deps))
  mount(router, operations.putLimits, putLimits(deps))
  mount(router, operations.getUsage, getUsage(deps))
  mount(router, operations.getQueue, getQueue(deps))
  mount(router, operations.resumeQueue, resumeQueue(deps))
  mount(router, operations.getHealth, getHealth())
  mount(router, operations.getReadiness, getReadiness(deps))
  return router
}

type WebhookDeps = Parameters<typeof createWebhookEndpoint>[0] &
  Parameters<typeof replayWebhookEvents>[0] &
  Parameters<typeof listEvents>[0] & { ledger: Ledger }

function mountWebhooks(router: Router, deps: WebhookDeps): void {
  mount(router, operations.createWebhookEndpoint, createWebhookEndpoint(deps))
  mount(router, operations.listWebhookEndpoints, listWebhookEndpoints(deps))
  mount(router, operations.getWebhookEndpoint, getWebhookEndpoint(deps))
  mount(router, operations.updateWebhookEndpoint, updateWebhookEndpoint(deps))
  mount(router, operations.deleteWebhookEndpoint, deleteWebhookEndpoint(deps))
  mount(router, operations.rotateWebhookSecret, rotateWebhookSecret(deps))
  mount(router, operations.testWebhookEndpoint, testWebhookEndpoint(deps))
  mount(router, operations.replayWebhookEvents, replayWebhookEvents(deps))
  mount(router, operations.createWebhookSecret, createWebhookSecret(deps))
  mount(router, operations.listWebhookDeliveries, listWebhookDeliveries(deps))
  mount(router, operations.getWebhookDelivery, getWebhookDelivery(deps))
  mount(router, operations.redeliverWebhook, redeliverWebhook(deps))
  mount(router, operations.listEvents, listEvents(deps))
}

/** What the routes have in common. */
function partsOf(options: RouteOptions) {
  const { ledger, storage } = options
  const documents = createDocuments({ storage })
  const urls = createSignedUrls({
    storage,
    ttlMs: options.urlTtlMs,
    linksExpire: options.linksExpire,
  })
  const view = createJobView({ ...options, documents, urls })
  const findTemplate = createFindTemplate({ ledger })
  const resolveInputs = createResolveInputs({ ...options, view })
  const findPrevious = createFindPrevious({ ledger, view })
  const readForm = createReadForm({ openFolder: options.inputs.openFolder, mostHeldBytes: 4_000_000_000 })
  const checkWebhookUrl = createCheckWebhookUrl({ egress: options.webhookEgress })
  return {
    ...options,
    documents,
    urls,
    findTemplate,
    findPrevious,
    resolveInputs,
    submitJob: createSubmitJob({
      ...options,
      documents,
      view,
      findTemplate,
      resolveInputs,
      findPrevious,
      checkWebhookUrl,
    }),
    assetView: createAssetView({ urls }),
    findJob: createFindJob({ ledger, retentionMs: options.retentionMs }),
    view,
    checkWebhookUrl,
    eventBody: createEventBody({ ...options, view }),
    told: createToldJobs({ ledger, view }),
    readiness: createReadiness(options),
    readForm,
  }
}
