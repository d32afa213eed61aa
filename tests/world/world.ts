import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { createClient, waitForJob, type Client } from "@kiln/client"
import { operations, type GenerationInput, type Job } from "@kiln/contract"
import { startEmulator, type Emulator } from "@kiln/gemini-emulator"
import { connectRedis } from "@kiln/runtime"
import { startPrivateRedis } from "@kiln/runtime/testing"
import type { Redis } from "ioredis"

import { freePort } from "./free-port.ts"
import { startProcess, type RunningProcess } from "./running-process.ts"
import { until } from "./until.ts"

type Env = Record<string, string>

export type WorldOptions = {
  /** Worker processes at the start. */
  workers?: number
  api?: boolean
  emulator?: Parameters<typeof startEmulator>[0]
  /** For every process. */
  env?: Env
  apiEnv?: Env
  workerEnv?: Env
  /** Replaces the Redis that is started, such as by a proxy before it. */
  redisUrl?: (real: string) => string
  /** Replaces the emulator as the worker's upstream. */
  upstream?: string
  /** Settings of the redis-server. */
  redisSettings?: readonly string[]
}

export type World = AsyncDisposable & {
  url: string
  key: string
  client: Client
  emulator: Emulator
  redis: Redis
  redisUrl: string
  dataDir: string
  api: RunningProcess | undefined
  workers: RunningProcess[]
  startApi(env?: Env): Promise<RunningProcess>
  startWorker(env?: Env): Promise<RunningProcess>
  submit(body: GenerationInput, headers?: Record<string, string>): Promise<Job>
  job(id: string): Promise<Job>
  /** The job when it has ended. */
  ended(id: string, withinMs?: number): Promise<Job>
  /** Submits and waits for the end. */
  make(body: GenerationInput): Promise<Job>
}

const adminKey = "kiln_sk_testtesttesttesttesttesttesttest"

/** All of Kiln as it runs in production: its own Redis, API and workers as processes, and an upstream over HTTP. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const opened = new AsyncDisposableStack()
  try {
    return await furnish(options, opened)
  } catch (error) {
    await opened.disposeAsync()
    throw error
  }
}

async function furnish(options: WorldOptions, opened: AsyncDisposableStack): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), "kiln-world-"))
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const server = opened.use(await startPrivateRedis(options.redisSettings))
  const emulator = opened.use(await startEmulator({ latencyMs: 20, ...options.emulator }))
  const redis = connectRedis({ url: server.url, role: "command", name: "world", onError: () => {} })
  opened.defer(() => redis.disconnect())
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const env: Env = {
    KILN_PUBLIC_URL: url,
    REDIS_URL: options.redisUrl?.(server.url) ?? server.url,
    KILN_DATA_DIR: dataDir,
    KILN_ADMIN_KEY: adminKey,
    KILN_SECRET_KEY: "a-secret-that-only-tests-know-of",
    ...options.env,
  }
  const client = createClient({ baseUrl: url, key: adminKey, retries: 0 })
  const workers: RunningProcess[] = []
  const keep = (process: RunningProcess) => opened.use(process)
  const startApi = async (more: Env = {}) => {
    const api = keep(
      startProcess("apps/api/src/main.ts", {
        ...env,
        // As the stack and the image start it.
        NODE_OPTIONS: "--max-semi-space-size=8",
        KILN_PORT: `${port}`,
        ...options.apiEnv,
        ...more,
      }),
    )
    await Promise.race([answers(url), api.printed(/never printed/)])
    return api
  }
  const startWorker = async (more: Env = {}) => {
    const worker = keep(
      startProcess("apps/worker/src/main.ts", {
        ...env,
        GEMINI_API_KEY: "emulator-key",
        GEMINI_BASE_URL: options.upstream ?? emulator.url,
        // Tests count the upstream's calls.
        KILN_MODEL_CHECK: "0",
        ...options.workerEnv,
        ...more,
      }),
    )
    await worker.printed(/waiting for jobs/)
    workers.push(worker)
    return worker
  }
  const [api] = await Promise.all([
    options.api === false ? undefined : startApi(),
    ...Array.from({ length: options.workers ?? 1 }, () => startWorker()),
  ])
  const submit: World["submit"] = (body, headers) =>
    client.send(operations.createGeneration, { body, ...(headers ? { headers } : {}) })
  const ended: World["ended"] = (id, withinMs = 60_000) =>
    waitForJob(client, id, AbortSignal.timeout(withinMs))
  return {
    url,
    key: adminKey,
    client,
    emulator,
    redis,
    redisUrl: server.url,
    dataDir,
    api,
    workers,
    startApi,
    startWorker,
    submit,
    ended,
    job: (id) => client.send(operations.getJob, { params: { id } }),
    make: async (body) => ended((await submit(body)).id),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function answers(url: string): Promise<void> {
  await until(
    `${url} answers`,
    async () => (await fetch(`${url}/healthz`).catch(() => undefined))?.ok ?? false,
    { withinMs: 120_000 },
  )
}
