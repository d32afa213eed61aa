import { setMaxListeners } from "node:events"
import { readFile } from "node:fs/promises"
import { resolve } from "node:path"
import { setFlagsFromString } from "node:v8"

import { mostAssetBytes } from "@kiln/contract"
import { createEgress } from "@kiln/egress"
import { createInputs } from "@kiln/inputs"
import { createModels } from "@kiln/jobs"
import {
  createFeed,
  createLedger,
  createRequestCounter,
  ledgerPrefix,
  type Feed,
  type Ledger,
} from "@kiln/ledger"
import { createProducer } from "@kiln/queue"
import { createReuse } from "@kiln/reuse"
import {
  checkRedis,
  commandTimeoutMs,
  ConfigurationError,
  connectRedis,
  createLogger,
  createMetrics,
  createVault,
  loadOrCreateSecret,
  openSpool,
  readEnv,
  redisAddress,
  runUntilSignal,
  type RedisRole,
} from "@kiln/runtime"
import { openInputBucket, openStorage, serveFile, storageLocation, type Storage } from "@kiln/storage"
import type { Redis } from "ioredis"

import { admitAdminKey } from "./admin-key.ts"
import { createApp } from "./app.ts"
import { apiEnv } from "./env.ts"
import { createHandOver } from "./hand-over.ts"
import { listen, type Server } from "./server.ts"

// What long answers leave behind would otherwise stay until the heap is several times as large as what is in use.
setFlagsFromString("--heap-growing-percent=50")

const env = readEnv(apiEnv)
const log = createLogger({ name: "api", level: env.KILN_LOG_LEVEL })
const dayMs = 24 * 3_600_000
const retentionMs = env.KILN_RETENTION_DAYS * dayMs
const graceMs = env.KILN_GRACE * 1_000
const folder = resolve(env.KILN_DATA_DIR)
const prefix = ledgerPrefix(env.KILN_REDIS_PREFIX)
const metrics = createMetrics()
const outages = metrics.counter({
  name: "kiln_redis_outages_total",
  help: "Connections to Redis that broke or did not come about, counted once an outage.",
  labels: ["use"],
})

async function start(): Promise<AsyncDisposable> {
  await using opened = new AsyncDisposableStack()
  const redis = opened.adopt(connect("command", "ledger"), disconnect)
  const secret = env.KILN_SECRET_KEY ?? (await loadOrCreateSecret({ folder, name: "secret.key", bytes: 32 }))
  const vault = createVault(secret)
  const ledger = createLedger({
    redis,
    prefix: env.KILN_REDIS_PREFIX,
    retentionMs,
    mostQueued: env.KILN_QUEUED_JOBS,
    vault,
    answerWithinMs: commandTimeoutMs,
  })
  await admitFirstKey(redis, ledger)
  await checkSecretKey(ledger)
  await warnOfRedis(redis)
  const feed = opened.use(
    createFeed({
      redis: connect("blocking", "feed"),
      prefix,
      onError: (err) => log.warn({ err }, "the feed of events is cut"),
    }),
  )
  const server = await listen({ host: env.KILN_HOST, port: env.KILN_PORT, graceMs })
  const app = await openApp(opened, { redis, ledger, feed, secret, port: server.port })
  closeFirst(opened, server, app.closing)
  server.serve(app.listener)
  log.info({ url: app.publicUrl, port: server.port, storage: app.storage }, "listening")
  return opened.move()
}

function connect(role: RedisRole, use: string): Redis {
  const onError = (err: Error) => {
    outages.inc({ use })
    log.error({ err, use }, "Redis is away")
  }
  return connectRedis({ ...redisAddress(env), role, name: `kiln:api:${use}`, onError })
}

const disconnect = (redis: Redis): void => {
  redis.disconnect()
}

async function admitFirstKey(redis: Redis, ledger: Ledger): Promise<void> {
  const secret =
    env.KILN_ADMIN_KEY ??
    (await loadOrCreateSecret({ folder, name: "admin.key", bytes: 24, prefix: "kiln_sk_" }))
  const admit = () =>
    admitAdminKey(ledger, { secret, tenant: "default" }).catch((err: unknown) => {
      log.error({ err }, "the first key could not be written")
    })
  await admit()
  // Again at every reconnection: it may be another Redis, or an emptied one.
  redis.on("ready", () => void admit())
}

async function warnOfRedis(redis: Redis): Promise<void> {
  try {
    for (const warning of await checkRedis(redis)) log.warn({}, warning)
  } catch (err) {
    log.error({ err }, "Redis could not be checked")
  }
}

/** Links and webhooks would go wrong silently; while Redis is away it cannot be known. */
async function checkSecretKey({ webhookSecrets }: Ledger): Promise<void> {
  if (await webhookSecrets.fits().catch(() => true)) return
  throw new ConfigurationError(
    "KILN_SECRET_KEY, or secret.key in the data folder, is not the key that webhook secrets in Redis were sealed with.",
  )
}

type Opened = { redis: Redis; ledger: Ledger; feed: Feed; secret: string; port: number }

async function openApp(opened: AsyncDisposableStack, { port, secret, ...base }: Opened) {
  const models = createModels({ defaultModel: env.KILN_DEFAULT_MODEL, overrides: await readOverrides() })
  const publicUrl = (env.KILN_PUBLIC_URL ?? `http://${hostOf(env.KILN_HOST)}:${port}`).replace(/\/+$/, "")
  const location = storageLocation(env)
  const storage = opened.use(openStorage(env, { baseUrl: env.KILN_PUBLIC_BASE_URL ?? publicUrl, secret }))
  const { folder: spool } = opened.use(await openSpool(folder))
  const kept = { ledger: base.ledger, storage, spool }
  const inputs = openInputs(opened, kept)
  const counter = opened.use(
    createRequestCounter({ redis: base.redis, prefix, windowMs: 60_000, flushMs: 250 }),
  )
  const queueRedis = opened.adopt(connect("command", "queue"), disconnect)
  const producer = opened.use(createProducer({ redis: queueRedis, prefix: env.KILN_REDIS_PREFIX }))
  const handOver = opened.use(
    createHandOver({
      producer,
      onError: (err) => log.warn({ err }, "jobs were not handed over; the sweep will do it"),
    }),
  )
  const closing = new AbortController()
  setMaxListeners(0, closing.signal)
  const listener = createApp({
    ...base,
    models,
    storage,
    inputs,
    reuse: createReuse(kept),
    webhookEgress: openWebhookEgress(),
    files: location.kind === "disk" ? serveFile({ folder: location.folder, secret }) : undefined,
    handOver,
    counter,
    log,
    metrics,
    metricsToken: env.KILN_METRICS_TOKEN,
    closing: closing.signal,
    publicUrl,
    urlTtlMs: env.KILN_URL_TTL * 1_000,
    linksExpire: storage.kind === "disk" || env.KILN_PUBLIC_BASE_URL === undefined,
    retentionMs,
    imageRetentionMs: env.KILN_IMAGE_RETENTION_DAYS ? env.KILN_IMAGE_RETENTION_DAYS * dayMs : null,
    requestsPerMinute: env.KILN_REQUESTS_PER_MINUTE,
    mostWaits: env.KILN_OPEN_WAITS,
    stuckAfterMs: env.KILN_STUCK_AFTER * 1_000,
  })
  return { listener, closing, publicUrl, storage: storage.kind }
}

function openInputs(
  opened: AsyncDisposableStack,
  parts: { ledger: Ledger; storage: Storage; spool: string },
) {
  const allowPrivate = env.KILN_ALLOW_PRIVATE.includes("inputs")
  const bucket = opened.use(openInputBucket(env))
  const egress = createEgress({ allowPrivate, maxBytes: mostAssetBytes })
  return createInputs({ ...parts, egress, bucket })
}

function openWebhookEgress() {
  const allowPrivate = env.KILN_ALLOW_PRIVATE.includes("webhooks")
  return createEgress({
    allowPrivate,
    maxBytes: 0,
    protocols: allowPrivate ? ["https:", "http:"] : ["https:"],
  })
}

async function readOverrides(): Promise<unknown> {
  if (env.KILN_MODELS === undefined) return undefined
  try {
    return JSON.parse(await readFile(env.KILN_MODELS, "utf8"))
  } catch (cause) {
    throw new Error("KILN_MODELS has to be the path of a JSON file", { cause })
  }
}

/** Of all that is open, these end first: who waits is answered, and what runs may still use the rest. */
function closeFirst(opened: AsyncDisposableStack, server: Server, closing: AbortController): void {
  opened.use(server)
  opened.defer(() => {
    closing.abort()
  })
}

/** An address for links where all addresses are listened on. */
function hostOf(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1"
  return host.includes(":") ? `[${host}]` : host
}

await runUntilSignal(start, log, { forceAfterMs: graceMs + 10_000 })
