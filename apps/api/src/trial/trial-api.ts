import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

import type { ModelEntry, Scope } from "@kiln/contract"
import { createEgress } from "@kiln/egress"
import { createInputs } from "@kiln/inputs"
import { createModels } from "@kiln/jobs"
import { createFeed, createLedger, createRequestCounter, ledgerPrefix, type Ledger } from "@kiln/ledger"
import { createProducer } from "@kiln/queue"
import { createReuse } from "@kiln/reuse"
import { connectRedis, createLogger, createMetrics, createVault } from "@kiln/runtime"
import { startPrivateRedis } from "@kiln/runtime/testing"
import { createDiskStorage, createFolderBucket, serveFile } from "@kiln/storage"

import { createApp, type AppOptions } from "../app.ts"
import { createHandOver } from "../hand-over.ts"
import { hashOf } from "../http/known-keys.ts"
import { listen } from "../server.ts"
import { playWorker } from "./played-worker.ts"

export type Sent = { key?: string | null; body?: unknown; headers?: Record<string, string>; method?: string }

/** The whole API on a Redis and a folder of its own, without a worker: tests play the worker themselves. */
export async function startTrialApi({
  allowPrivate = false,
  hasBucket = true,
  ...changes
}: Partial<AppOptions> & { allowPrivate?: boolean; hasBucket?: boolean } = {}) {
  await using opened = new AsyncDisposableStack()
  const folder = opened.adopt(await mkdtemp(join(tmpdir(), "kiln-api-")), (path) =>
    rm(path, { recursive: true }),
  )
  const parts = openParts(opened, opened.use(await startPrivateRedis()).url)
  const { ledger } = parts
  // As if workers were there, who take what is handed over.
  await parts.redis.set(`${ledgerPrefix("trial")}:window`, 32)
  const server = await listen({ host: "127.0.0.1", port: 0, graceMs: 2_000 })
  const publicUrl = `http://127.0.0.1:${server.port}`
  const secret = "a secret of sixteen or more"
  const objects = join(folder, "objects")
  const storage = opened.use(createDiskStorage({ folder: objects, baseUrl: publicUrl, secret }))
  const egress = createEgress({ allowPrivate, maxBytes: 100_000_000 })
  const spool = join(folder, "spool")
  const given = join(folder, "given")
  await mkdir(spool)
  const closing = new AbortController()
  const close = () => closing.abort()
  opened.use(server)
  opened.defer(close)
  server.serve(
    createApp({
      ...parts,
      models: createModels({ defaultModel: "gemini-nano-banana-2.1", overrides: weakModels }),
      storage,
      inputs: createInputs({ ledger, storage, egress, spool, bucket: bucketIn(given, hasBucket) }),
      webhookEgress: createEgress({ allowPrivate, maxBytes: 0, protocols: ["https:"] }),
      reuse: createReuse({ ledger, storage, spool }),
      files: serveFile({ folder: objects, secret }),
      log: createLogger({ name: "trial", level: "silent" }),
      closing: closing.signal,
      publicUrl,
      ...usual,
      metrics: createMetrics(),
      ...changes,
    }),
  )
  const makeKey = keyMaker(ledger)
  const key = await makeKey("acme", ["jobs:write", "jobs:read"])
  const disposal = opened.move()
  return {
    url: publicUrl,
    key,
    redis: parts.redis,
    ledger,
    storage,
    spool,
    given,
    makeKey,
    send: sender(publicUrl, key),
    close,
    ...playWorker(ledger, storage),
    [Symbol.asyncDispose]: () => disposal.disposeAsync(),
  }
}
const bucketIn = (folder: string, isThere: boolean) => (isThere ? createFolderBucket({ folder }) : undefined)

export type TrialApi = Awaited<ReturnType<typeof startTrialApi>>

const usual = {
  urlTtlMs: 3_600_000,
  linksExpire: true,
  imageRetentionMs: null,
  requestsPerMinute: 60_000,
  metricsToken: undefined,
  mostWaits: 1_000,
  stuckAfterMs: 60_000,
}

/** Models that lack something, made of one that lacks nothing. */
const whole = createModels({ defaultModel: "nano-banana" }).resolve(undefined, new Date()).model
const weakModels: ModelEntry[] = [
  { ...whole, id: "few", aliases: [], capabilities: { ...whole.capabilities, max_input_images: 3 } },
  { ...whole, id: "painter", aliases: [], capabilities: { ...whole.capabilities, edit: false } },
]

function openParts(opened: AsyncDisposableStack, url: string) {
  const connect = () =>
    opened.adopt(connectRedis({ url, role: "command", name: "trial" }), (connection) => {
      connection.disconnect()
    })
  const redis = connect()
  const prefix = ledgerPrefix("trial")
  const retentionMs = 30 * 24 * 3_600_000
  const ledger = createLedger({
    redis,
    prefix: "trial",
    retentionMs,
    vault: createVault("a secret of sixteen or more"),
  })
  const feedRedis = connectRedis({ url, role: "blocking", name: "trial" })
  const feed = opened.use(createFeed({ redis: feedRedis, prefix, onError: () => {} }))
  const producer = opened.use(createProducer({ redis: connect(), prefix: "trial" }))
  const handOver = opened.use(createHandOver({ producer, onError: () => {} }))
  const counter = opened.use(createRequestCounter({ redis, prefix, windowMs: 60_000, flushMs: 50 }))
  return { redis, ledger, feed, handOver, counter, retentionMs }
}

const keyMaker =
  (ledger: Ledger) =>
  async (tenant: string, scopes: readonly Scope[], expiresAt: Date | null = null): Promise<string> => {
    const token = `kiln_sk_${tenant}_${crypto.randomUUID()}`
    await ledger.apiKeys.create({ hash: hashOf(token), tenant, scopes, name: null, expiresAt })
    return token
  }

/** Sends with its own key unless another one, or null for none, is given. */
const sender =
  (url: string, ownKey: string) =>
  async (path: string, { key = ownKey, body, headers = {}, method }: Sent = {}) => {
    const response = await fetch(new URL(path, url), {
      method: method ?? (body === undefined ? "GET" : "POST"),
      redirect: "manual",
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get("content-type")?.includes("json") === true
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : undefined,
    }
  }
