import { JobFailure } from "@kiln/contract"
import { circuitPolicy, describeFailure, type CircuitPolicy } from "@kiln/jobs"
import type { Redis } from "ioredis"

import { createApiKeys } from "./api-keys.ts"
import { createAssets } from "./assets.ts"
import { createBatchWork } from "./batch-work.ts"
import { createBatches } from "./batches.ts"
import { createDeliveries } from "./deliveries.ts"
import { createDeliveryLog } from "./delivery-log.ts"
import { createEventLog } from "./event-log.ts"
import { createFetched } from "./fetched.ts"
import { createIdempotency } from "./idempotency.ts"
import { createInterventions } from "./interventions.ts"
import { createJobs } from "./jobs.ts"
import { createLimits } from "./limits.ts"
import { createListing } from "./listing.ts"
import { createModelHealth } from "./model-health.ts"
import { createPictures } from "./pictures.ts"
import { createPlaces } from "./places.ts"
import { createQueueWatch } from "./queue-watch.ts"
import { createRounds } from "./rounds.ts"
import { createRuns } from "./runs.ts"
import { createScripts } from "./scripts.ts"
import { createSurvey } from "./survey.ts"
import { createTemplates } from "./templates.ts"
import { createUpstreamAccounts } from "./upstream-accounts.ts"
import { createUpstreamCalls } from "./upstream-calls.ts"
import { createUsage } from "./usage.ts"
import { noVault, type Vault } from "./vault.ts"
import { createWebhookEndpoints } from "./webhook-endpoints.ts"
import { createWebhookSecrets } from "./webhook-secrets.ts"

export type LedgerOptions = {
  redis: Redis
  /** Prefix of all keys, without the braces that make it one slot of a cluster. */
  prefix: string
  retentionMs: number
  mostQueued?: number
  leaseMs?: number
  heldMs?: number
  circuit?: CircuitPolicy
  /** Seals the secrets of webhooks; needed by whoever makes or sends them. */
  vault?: Vault
  /** An endpoint that failed for so long is disabled. */
  disableAfterMs?: number
  /** Whoever asks gives up after so long: what nobody would hear of does not happen later. Without it, it may. */
  answerWithinMs?: number
}

const dayMs = 24 * 3_600_000

/** Everything known, in Redis. The records here are the truth; the queue only executes. */
export function createLedger(options: LedgerOptions) {
  const { redis, retentionMs, mostQueued = 500_000, leaseMs = 30_000, heldMs = 10_000 } = options
  const { vault = noVault, disableAfterMs = 5 * dayMs, circuit = circuitPolicy } = options
  const prefix = ledgerPrefix(options.prefix)
  const scripts = createScripts(redis, prefix, options.answerWithinMs)
  const deadlineError = describeFailure(
    new JobFailure("deadline_exceeded", "The job did not end before its deadline"),
  )
  const deathsError = describeFailure(
    new JobFailure("internal", "The workers that ran this job died, every time", { charged: "unknown" }),
  )
  const shared = { redis, scripts, prefix, retentionMs, mostReady: 200, mostQueued }
  const survey = createSurvey({ scripts })
  const lookAtQueue = createQueueWatch(survey)
  const webhooks = { redis, scripts, prefix, vault }
  const secrets = createWebhookSecrets(webhooks)
  const jobs = createJobs({ ...shared, vault, secrets, idempotencyMs: dayMs })
  const pictures = createPictures({ ...shared, idempotencyMs: dayMs })
  return {
    ...jobs,
    ...createInterventions(shared),
    ...createRuns({ ...shared, leaseMs, heldMs, mostDeaths: 5, deadlineError, deathsError, circuit }),
    ...createModelHealth({ ...shared, circuit }),
    ...createUpstreamCalls({ scripts }),
    ...createUpstreamAccounts({ scripts }),
    ...createRounds({ ...shared, leaseMs, deadlineError }),
    batches: createBatches({ ...shared, vault, secrets, idempotencyMs: dayMs }),
    batchWork: createBatchWork({ ...shared, mostQueued }),
    fetched: createFetched({ scripts }),
    list: createListing({ redis, prefix, readMany: (ids) => jobs.readMany(ids) }),
    apiKeys: createApiKeys({ redis, prefix }),
    limits: createLimits({ redis, prefix }),
    usage: createUsage({ redis, prefix }),
    survey,
    lookAtQueue,
    ...createPlaces({ scripts, lookAtQueue }),
    assets: createAssets({ redis, scripts, prefix }),
    pictures,
    templates: createTemplates({ redis, scripts, prefix }),
    webhookEndpoints: createWebhookEndpoints({ ...webhooks, secrets }),
    webhookSecrets: secrets,
    deliveries: createDeliveries({ ...webhooks, disableAfterMs }),
    deliveryLog: createDeliveryLog(webhooks),
    events: createEventLog(webhooks),
    idempotency: createIdempotency({ redis, prefix, ttlMs: dayMs, lockMs: 60_000 }),
    /** Throws when Redis cannot be written. */
    async checkWritable(): Promise<void> {
      await redis.set(`${prefix}:probe`, Date.now(), "PX", 60_000)
    },
  }
}
export type Ledger = ReturnType<typeof createLedger>

/** One hash tag for everything: every script stays in one slot of a Redis Cluster. */
export const ledgerPrefix = (prefix: string): string => `{${prefix}}`

/** The channel on which running jobs' cancellations are announced. */
export const cancelChannel = (prefix: string): string => `${ledgerPrefix(prefix)}:cancel`

/** The channel on which deliveries that became due are announced. */
export const webhookChannel = (prefix: string): string => `${ledgerPrefix(prefix)}:hooks`
