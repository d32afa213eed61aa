import { readFile } from "node:fs/promises"
import { resolve } from "node:path"

import { mostAssetBytes } from "@kiln/contract"
import { createEgress, createPoster } from "@kiln/egress"
import { createGemini } from "@kiln/gemini"
import { createImagen } from "@kiln/imagen"
import { circuitPolicy, createModels, type Models, type UploadedFiles } from "@kiln/jobs"
import { createUploads, ledgerPrefix } from "@kiln/ledger"
import type { UpstreamOptions } from "@kiln/quota"
import {
  connectRedis,
  createLogger,
  createMetrics,
  createVault,
  loadOrCreateSecret,
  openSpool,
  readEnv,
  redisAddress,
  runUntilSignal,
  type Metrics,
} from "@kiln/runtime"
import { openInputBucket, openStorage } from "@kiln/storage"

import packageJson from "../package.json" with { type: "json" }
import { workerEnv } from "./env.ts"
import { serveHealth } from "./health.ts"
import { createPainters } from "./painters.ts"
import type { WebhookSettings } from "./start-webhooks.ts"
import { createUpstreamOf } from "./upstream-of.ts"
import { measurePaints, measureStorage } from "./worker-metrics.ts"
import { startWorker } from "./worker.ts"

const env = readEnv(workerEnv)
const log = createLogger({ name: "worker", level: env.KILN_LOG_LEVEL })
const dayMs = 24 * 3_600_000
const folder = resolve(env.KILN_DATA_DIR)
const publicUrl = (env.KILN_PUBLIC_URL ?? "http://127.0.0.1:8787").replace(/\/+$/, "")

/** The keys of models that have one of their own (`token_env`). */
const modelKeysOf = (models: Models): Record<string, string> =>
  Object.fromEntries(
    models.entries().flatMap(({ id, token_env }) => {
      const key = token_env ? process.env[token_env] : undefined
      return key ? [[id, key]] : []
    }),
  )

/** Clients of every protocol for each key: a key is a project with quotas of its own. */
function openUpstream(opened: AsyncDisposableStack, models: Models, metrics: Metrics) {
  const modelKeys = modelKeysOf(models)
  const measured = measurePaints(metrics)
  const uploaded = openUploads(opened)
  const open = (key: string) => {
    const options = {
      apiKey: key,
      modelKeys,
      baseUrl: env.GEMINI_BASE_URL,
      apiVersion: env.GEMINI_API_VERSION,
      timeoutMs: env.KILN_UPSTREAM_TIMEOUT * 1_000,
    }
    const gemini = opened.use(createGemini({ ...options, uploaded }))
    const imagen = opened.use(createImagen(options))
    const paint = measured(createPainters({ gemini: gemini.paint, imagen: imagen.paint }))
    return { key, paint, probe: gemini.probe }
  }
  const [first, ...others] = env.GEMINI_API_KEY.split(",").flatMap((key) => key.trim() || [])
  if (!first) throw new Error("GEMINI_API_KEY names no key")
  const main = open(first)
  const upstream: UpstreamOptions = {
    keys: [main, ...others.map(open)],
    baseUrl: env.GEMINI_BASE_URL,
    modelKeys,
    limits: { rpm: env.KILN_RPM, rpd: env.KILN_RPD, windowMs: env.KILN_QUOTA_WINDOW * 1_000 },
  }
  return { upstream, probe: main.probe }
}

/** Uploads are known to all workers; a Redis that is away costs no more than an upload. */
function openUploads(opened: AsyncDisposableStack): UploadedFiles {
  const redis = connectRedis({
    ...redisAddress(env),
    role: "command",
    name: "kiln-worker-uploads",
    onError: (err) => log.error({ err }, "Redis is away, uploads are not remembered"),
  })
  opened.defer(() => redis.disconnect())
  return createUploads({ redis, prefix: ledgerPrefix(env.KILN_REDIS_PREFIX) })
}

function openWebhooks(opened: AsyncDisposableStack): WebhookSettings {
  const allowPrivate = env.KILN_ALLOW_PRIVATE.includes("webhooks")
  const timeoutMs = env.KILN_WEBHOOK_TIMEOUT * 1_000
  const protocols = allowPrivate ? (["https:", "http:"] as const) : (["https:"] as const)
  const poster = opened.use(createPoster({ allowPrivate, protocols, timeoutMs }))
  return {
    post: (request) => poster.post(request),
    version: packageJson.version,
    schedule: env.KILN_WEBHOOK_SCHEDULE,
    timeoutMs,
    concurrency: env.KILN_WEBHOOK_CONCURRENCY,
    slots: env.KILN_WEBHOOK_ENDPOINT_CONCURRENCY,
  }
}

async function start(): Promise<AsyncDisposable> {
  await using opened = new AsyncDisposableStack()
  const overrides: unknown = env.KILN_MODELS ? JSON.parse(await readFile(env.KILN_MODELS, "utf8")) : undefined
  const models = createModels({ defaultModel: env.KILN_DEFAULT_MODEL, overrides })
  const metrics = createMetrics()
  const bucket = opened.use(openInputBucket(env))
  const secret = env.KILN_SECRET_KEY ?? (await loadOrCreateSecret({ folder, name: "secret.key", bytes: 32 }))
  const opening = openStorage(env, { baseUrl: env.KILN_PUBLIC_BASE_URL ?? publicUrl, secret })
  const storage = measureStorage(opened.use(opening), metrics)
  const spoolFolders = opened.use(await openSpool(folder))
  const worker = opened.use(
    await startWorker({
      redisAddress: redisAddress(env),
      prefix: env.KILN_REDIS_PREFIX,
      concurrency: env.KILN_CONCURRENCY,
      retentionMs: env.KILN_RETENTION_DAYS * dayMs,
      imageRetentionMs: env.KILN_IMAGE_RETENTION_DAYS ? env.KILN_IMAGE_RETENTION_DAYS * dayMs : undefined,
      graceMs: env.KILN_GRACE * 1_000,
      circuit: { ...circuitPolicy, firstMs: env.KILN_OVERLOAD_PAUSE * 1_000 },
      models,
      modelCheckMs: env.KILN_MODEL_CHECK * 1_000,
      ...openUpstream(opened, models, metrics),
      upstreamOf: createUpstreamOf(env.GEMINI_BASE_URL),
      keepTurns: env.KILN_KEEP_CONVERSATIONS,
      storage,
      egress: createEgress({
        allowPrivate: env.KILN_ALLOW_PRIVATE.includes("inputs"),
        maxBytes: mostAssetBytes,
      }),
      bucket,
      spool: spoolFolders.folder,
      spoolFolders,
      spoolBytes: env.KILN_SPOOL_BYTES,
      vault: createVault(secret),
      links: {
        publicUrl,
        urlTtlMs: env.KILN_URL_TTL * 1_000,
        expire: storage.kind === "disk" || env.KILN_PUBLIC_BASE_URL === undefined,
      },
      webhooks: openWebhooks(opened),
      log,
      metrics,
      stuckAfterMs: env.KILN_STUCK_AFTER * 1_000,
    }),
  )
  await openHealth(opened, worker, metrics)
  log.info({ concurrency: env.KILN_CONCURRENCY, storage: storage.kind }, "waiting for jobs")
  return opened.move()
}

type Served = Pick<Awaited<ReturnType<typeof startWorker>>, "trouble" | "metrics">

async function openHealth(opened: AsyncDisposableStack, worker: Served, metrics: Metrics): Promise<void> {
  if (env.KILN_WORKER_PORT === undefined) return
  const { contentType } = metrics
  opened.use(
    await serveHealth({
      host: env.KILN_WORKER_HOST,
      port: env.KILN_WORKER_PORT,
      trouble: worker.trouble,
      metrics: { text: worker.metrics, contentType, token: env.KILN_METRICS_TOKEN },
    }),
  )
}

await runUntilSignal(start, log, { forceAfterMs: (env.KILN_GRACE + 5) * 1_000 })
