import { readFile } from "node:fs/promises"
import { resolve } from "node:path"

import { mostAssetBytes } from "@kiln/contract"
import { createEgress } from "@kiln/egress"
import { createGemini } from "@kiln/gemini"
import { circuitPolicy, createModels, type Models } from "@kiln/jobs"
import { createLogger, createMetrics, openSpool, readEnv, runUntilSignal } from "@kiln/runtime"
import { openStorage } from "@kiln/storage"

import { workerEnv } from "./env.ts"
import { serveHealth } from "./health.ts"
import { inTurn } from "./in-turn.ts"
import { createPainters } from "./painters.ts"
import { measurePaint, measureStorage } from "./worker-metrics.ts"
import { startWorker } from "./worker.ts"

const env = readEnv(workerEnv)
const log = createLogger({ name: "worker", level: env.KILN_LOG_LEVEL })
const dayMs = 24 * 3_600_000

/** One client a key; models with a key of their own (`token_env`) use that one whatever the turn. */
function openGemini(models: Models) {
  const modelKeys = Object.fromEntries(
    models.entries().flatMap(({ id, token_env }) => {
      const key = token_env ? process.env[token_env] : undefined
      return key ? [[id, key]] : []
    }),
  )
  const keys = env.GEMINI_API_KEY.split(",")
    .map((key) => key.trim())
    .filter((key) => key !== "")
  return keys.map((apiKey) =>
    createGemini({
      apiKey,
      modelKeys,
      baseUrl: env.GEMINI_BASE_URL,
      apiVersion: env.GEMINI_API_VERSION,
      timeoutMs: env.KILN_UPSTREAM_TIMEOUT * 1_000,
    }),
  )
}

async function start(): Promise<AsyncDisposable> {
  await using opened = new AsyncDisposableStack()
  const overrides: unknown = env.KILN_MODELS ? JSON.parse(await readFile(env.KILN_MODELS, "utf8")) : undefined
  const models = createModels({ defaultModel: env.KILN_DEFAULT_MODEL, overrides })
  const clients = openGemini(models).map((client) => opened.use(client))
  const [first, ...others] = clients.map((client) => client.paint)
  if (!first) throw new Error("GEMINI_API_KEY names no key")
  const metrics = createMetrics()
  const paint = measurePaint(createPainters({ gemini: inTurn([first, ...others]) }), metrics)
  const storage = measureStorage(opened.use(openStorage(env)), metrics)
  const { folder: spool } = opened.use(await openSpool(resolve(env.KILN_DATA_DIR)))
  const worker = opened.use(
    await startWorker({
      redisUrl: env.REDIS_URL,
      prefix: env.KILN_REDIS_PREFIX,
      concurrency: env.KILN_CONCURRENCY,
      retentionMs: env.KILN_RETENTION_DAYS * dayMs,
      imageRetentionMs: env.KILN_IMAGE_RETENTION_DAYS ? env.KILN_IMAGE_RETENTION_DAYS * dayMs : undefined,
      graceMs: env.KILN_GRACE * 1_000,
      circuit: { ...circuitPolicy, firstMs: env.KILN_OVERLOAD_PAUSE * 1_000 },
      models,
      paint,
      storage,
      egress: createEgress({
        allowPrivate: env.KILN_ALLOW_PRIVATE.includes("inputs"),
        maxBytes: mostAssetBytes,
      }),
      spool,
      log,
      metrics,
      stuckAfterMs: env.KILN_STUCK_AFTER * 1_000,
    }),
  )
  if (env.KILN_WORKER_PORT !== undefined) {
    opened.use(
      await serveHealth({
        host: env.KILN_WORKER_HOST,
        port: env.KILN_WORKER_PORT,
        trouble: worker.trouble,
        metrics: {
          text: worker.metrics,
          contentType: metrics.contentType,
          token: env.KILN_METRICS_TOKEN,
        },
      }),
    )
  }
  log.info({ concurrency: env.KILN_CONCURRENCY, storage: storage.kind }, "waiting for jobs")
  return opened.move()
}

await runUntilSignal(start, log, { forceAfterMs: (env.KILN_GRACE + 5) * 1_000 })
