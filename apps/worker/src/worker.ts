import { hostname } from "node:os"

import type { Egress } from "@kiln/egress"
import { createInputs } from "@kiln/inputs"
import type { CircuitPolicy, Models } from "@kiln/jobs"
import { cancelChannel, createLedger, type Handover, type Ledger, type LedgerOptions } from "@kiln/ledger"
import {
  createConsumer,
  createProducer,
  listenForCancellation,
  type Consumer,
  type Producer,
} from "@kiln/queue"
import type { Quota, UpstreamOptions } from "@kiln/quota"
import { createReuse } from "@kiln/reuse"
import {
  commandTimeoutMs,
  ConfigurationError,
  connectRedis,
  type Logger,
  type Metrics,
  type RedisAddress,
  type RedisRole,
  type Spool,
} from "@kiln/runtime"
import type { InputBucket, Storage } from "@kiln/storage"
import { createDocuments, createEventText, createJobView, createSignedUrls } from "@kiln/views"

import { createCallLimits } from "./call-limits.ts"
import { openQuota } from "./open-quota.ts"
import type { Probe } from "./processors/check-models.ts"
import { createGenerateImage } from "./processors/generate-image.ts"
import { createMakeImage } from "./processors/make-image.ts"
import type { WebhookPump } from "./processors/pump-webhooks.ts"
import { runBatches } from "./processors/run-batches.ts"
import { createSpoolRoom, type SpoolRoom } from "./processors/spool-room.ts"
import { startRounds } from "./processors/sweep.ts"
import { createWriteEnd } from "./processors/write-end.ts"
import { createProgress } from "./progress.ts"
import { createRunningJobs, type RunningJobs } from "./running-jobs.ts"
import { seldom } from "./seldom.ts"
import { startWebhooks, type WebhookSettings } from "./start-webhooks.ts"
import type { UpstreamOf } from "./upstream-of.ts"
import { countOutages, measureEnds, measureWebhooks } from "./worker-metrics.ts"
import { statusOf } from "./worker-status.ts"

export type WorkerOptions = {
  redisAddress: RedisAddress
  prefix: string
  concurrency: number
  retentionMs: number
  imageRetentionMs: number | undefined
  graceMs: number
  /** When a model rests that is overloaded or gone. */
  circuit: CircuitPolicy
  models: Models
  upstream: UpstreamOptions
  probe: Probe
  /** How often the upstream is asked for its models; 0 is never. */
  modelCheckMs: number
  upstreamOf: UpstreamOf
  keepTurns: boolean
  storage: Storage
  egress: Pick<Egress, "fetchTo" | "checkUrl">
  bucket: InputBucket | undefined
  /** Folder for images on their way to storage. */
  spool: string
  spoolFolders: Pick<Spool, "folder" | "parent">
  /** From how many bytes in all spools of the machine on nothing is called. */
  spoolBytes: number
  /** Opens the secrets of webhooks. */
  vault: NonNullable<LedgerOptions["vault"]>
  /** How jobs are told of. */
  links: { publicUrl: string; urlTtlMs: number; expire: boolean }
  webhooks: WebhookSettings
  log: Logger
  metrics: Metrics
  /** After this a worker that takes none of what waits says that it is not ready. */
  stuckAfterMs: number
}

/** Images that jobs start from: what callers send, and what earlier jobs made. */
const imagesOf = (parts: Parameters<typeof createInputs>[0] & Parameters<typeof createReuse>[0]) => ({
  inputs: createInputs(parts),
  reuse: createReuse(parts),
})

/** Left of the grace time for writing down what was handed back. */
const handBackMs = 2_000

/** Starts taking jobs. Disposing of it takes no more, lets the running ones end and hands the rest back. */
export async function startWorker(options: WorkerOptions) {
  const { prefix, metrics } = options
  const connect = connector(options)
  const redis = connect("command")
  const blocking = connect("blocking")
  const ledger = createLedger({ ...options, redis, answerWithinMs: commandTimeoutMs })
  await checkSecretKey(ledger)
  const producer = createProducer({ redis, prefix })
  const running = createRunningJobs()
  const handOver = handingOver(producer)
  const quota = await openQuota({ ...options, calls: ledger })
  const room = createSpoolRoom({ parent: options.spoolFolders.parent, mostBytes: options.spoolBytes })
  const generateImage = imageRecipe(options, { ledger, running, quota, room, handOver })
  const subscriber = connect("subscriber")
  const cancellation = await listenForCancellation({
    redis: subscriber,
    channel: cancelChannel(prefix),
    onCancel: (id) => running.abort(id, "canceled"),
  })
  const textOf = textsOf(ledger, options)
  const deliveryMetrics = measureWebhooks(metrics)
  const webhooks = await startWebhooks({ ...options, ledger, textOf, subscriber, deliveryMetrics })
  const worker = `${hostname()}:${process.pid}`
  const progress = createProgress()
  const consumer = takeJobs(options, {
    redis: blocking,
    process: (task) => {
      progress.took()
      return generateImage(task)
    },
    onLockLost: () => void rounds.hold(),
  })
  const rounds = startRounds({
    ...options,
    ledger,
    running,
    handOver,
    offerAccounts: () => quota.offer(options.models.entries(), { frees: false }),
    worker,
    progress: () => ({ running: consumer.running(), taken: progress.taken() }),
    onStarved: progress.starve,
  })
  const batches = runBatches({ ...options, ledger, handOver })
  return {
    ...statusOf(options, { redis, consumer, progress, room }),
    async [Symbol.asyncDispose]() {
      await Promise.all([
        finish({ consumer, webhooks, running }, options.graceMs),
        batches[Symbol.asyncDispose](),
      ])
      await rounds[Symbol.asyncDispose]()
      await cancellation[Symbol.asyncDispose]()
      await producer[Symbol.asyncDispose]()
      redis.disconnect()
      blocking.disconnect()
    },
  }
}

const handingOver = (producer: Producer) => async (ready: readonly Handover[]) => {
  if (ready.length > 0) await producer.add(ready)
}

function takeJobs(
  { prefix, concurrency, log }: WorkerOptions,
  parts: Pick<Parameters<typeof createConsumer>[0], "redis" | "process" | "onLockLost">,
): Consumer {
  return createConsumer({
    ...parts,
    prefix,
    concurrency,
    onError: seldom((error) => log.error({ err: error }, "the queue is in trouble")),
    onFailure: ({ id, turn }, error) =>
      log.error({ err: error, job: id, turn }, "an execution broke off, the job is offered again"),
  })
}

/** Lets the running jobs and deliveries end, and hands back in time what does not. */
async function finish({ consumer, webhooks, running }: Parts, graceMs: number): Promise<void> {
  const leaving = new AbortController()
  const handBack = setTimeout(
    () => {
      running.abortAll("shutdown")
      leaving.abort()
    },
    Math.max(graceMs - handBackMs, graceMs / 2),
  )
  await Promise.all([consumer.close(), webhooks.close(leaving.signal)])
  clearTimeout(handBack)
}

type Recipe = {
  ledger: Ledger
  running: RunningJobs
  quota: Quota
  room: SpoolRoom
  handOver: (ready: readonly Handover[]) => Promise<void>
}

function imageRecipe(options: WorkerOptions, { ledger, running, quota, room, handOver }: Recipe) {
  const { concurrency, metrics } = options
  const limits = createCallLimits({ calls: concurrency })
  return createGenerateImage({
    ...options,
    ledger,
    running,
    room,
    ...imagesOf({ ...options, ledger }),
    makeImage: createMakeImage({ ...options, ledger, quota, limits, room }),
    writeEnd: measureEnds(createWriteEnd({ ...options, ledger, handOver }), metrics),
  })
}

type Parts = { consumer: Consumer; webhooks: WebhookPump; running: RunningJobs }

/** Opens the worker's connections to Redis, and tells of those that break. */
function connector({ redisAddress, log, metrics }: Pick<WorkerOptions, "redisAddress" | "log" | "metrics">) {
  const countOutage = countOutages(metrics)
  return (role: RedisRole) =>
    connectRedis({
      ...redisAddress,
      role,
      name: `kiln-worker-${role}`,
      onError: (error) => {
        countOutage(role)
        log.error({ err: error, role }, "Redis is away")
      },
    })
}

/** With another key than the API's no webhook could be signed. */
async function checkSecretKey({ webhookSecrets }: Ledger): Promise<void> {
  if (await webhookSecrets.fits().catch(() => true)) return
  throw new ConfigurationError(
    "KILN_SECRET_KEY, or secret.key in the data folder, is not the key that webhook secrets in Redis were sealed with.",
  )
}

/** What webhooks say of a job is what the API says. */
function textsOf(ledger: Ledger, { storage, links, ...options }: WorkerOptions) {
  const { publicUrl, urlTtlMs: ttlMs, expire: linksExpire } = links
  const documents = createDocuments({ storage })
  const urls = createSignedUrls({ storage, ttlMs, linksExpire })
  const imageRetentionMs = options.imageRetentionMs ?? null
  return createEventText({
    ledger,
    publicUrl,
    view: createJobView({ publicUrl, ledger, documents, urls, imageRetentionMs }),
  })
}
