import { join } from "node:path"

import { redisAddress } from "@kiln/runtime"

import type { BannerFacts } from "./banner.ts"
import { superviseChild, type SupervisedChild } from "./child.ts"
import { type DataFolder, openDataFolder } from "./data-folder.ts"
import { startEmbeddedRedis } from "./embedded-redis.ts"
import type { StackEnv } from "./env.ts"
import { freePort, requirePort } from "./port.ts"
import { untilReady } from "./ready.ts"
import { requireRedis } from "./require-redis.ts"

export type StackOptions = {
  env: StackEnv
  /** Absolute path of the data folder. */
  folder: string
  /** Entry files of the processes. */
  mains: { api: string; worker: string; emulator: string }
  signal: AbortSignal
  /** Tells the operator what happens, a line at a time. */
  say: (line: string) => void
}

export type Stack = AsyncDisposable & { readonly facts: BannerFacts }

const READY_TIMEOUT_MS = 30_000
/** Beyond the grace that a process gives its own work: longer than it takes to give up by itself. */
const STOP_MARGIN_MS = 12_000
/** Much passes through the API and little stays: V8 would keep 40 MB ready for what is young. */
const SMALL_YOUNG_SPACE = "--max-semi-space-size=8"
const FOLLOW_PARENT = import.meta.resolve("./follow-parent.ts")

/**
 * Starts what is missing (Redis, the emulator), then the workers and the API, and waits until the API is ready. Disposal
 * stops them in the opposite order. Throws a sentence for the operator if anything does not start.
 */
export async function startStack({ env, folder, mains, signal, say }: StackOptions): Promise<Stack> {
  await using parts = new AsyncDisposableStack()
  const data = parts.use(await openDataFolder(folder, env))
  const port = await requirePort(env.KILN_HOST, env.KILN_PORT)
  const url = `http://${reachable(env.KILN_HOST)}:${port}`

  const boot = createBoot(signal)
  const start = createStarter({ env, data, boot, say })
  const redisUrl = env.REDIS_URL ?? parts.use(await startRedis(data, boot, say)).url
  if (env.REDIS_URL !== undefined) {
    const warnings = await requireRedis(redisAddress({ ...env, REDIS_URL: env.REDIS_URL }))
    for (const warning of warnings) say(`WARNING: ${warning}`)
  } else if (env.REDIS_CLUSTER || env.REDIS_SENTINELS) {
    throw new Error("REDIS_CLUSTER and REDIS_SENTINELS are of use only with REDIS_URL: set it too.")
  }
  const storage = env.KILN_STORAGE ?? `file:${join(folder, "objects")}`
  const common = { ...commonEnv(env, data), REDIS_URL: redisUrl, KILN_STORAGE: storage }

  let upstream: NodeJS.ProcessEnv = {}
  if (env.GEMINI_API_KEY === undefined) {
    if (env.GEMINI_BASE_URL !== undefined) say("GEMINI_BASE_URL is not used: GEMINI_API_KEY is not set.")
    const emulatorPort = await freePort()
    const address = { KILN_EMULATOR_HOST: "127.0.0.1", KILN_EMULATOR_PORT: String(emulatorPort) }
    parts.use(start("emulator", mains.emulator, address))
    upstream = { GEMINI_API_KEY: "emulator", GEMINI_BASE_URL: `http://127.0.0.1:${emulatorPort}` }
    await untilReady({
      url: upstream["GEMINI_BASE_URL"] ?? "",
      isOk: false,
      timeoutMs: READY_TIMEOUT_MS,
      signal: boot.signal,
    })
  }
  // Webhooks have links of the API in them, whose port only this process knows.
  const worker = { ...common, ...upstream, KILN_PUBLIC_URL: env.KILN_PUBLIC_URL ?? url }
  parts.use(startWorkers(env, (name, own) => start(name, mains.worker, { ...worker, ...own })))
  // The API never speaks to the upstream: it has no need of the key.
  parts.use(
    start("api", mains.api, {
      ...common,
      KILN_HOST: env.KILN_HOST,
      KILN_PORT: String(port),
      GEMINI_API_KEY: undefined,
      NODE_OPTIONS: `${SMALL_YOUNG_SPACE} ${process.env["NODE_OPTIONS"] ?? ""}`,
    }),
  )

  await untilReady({ url: `${url}/readyz`, isOk: true, timeoutMs: READY_TIMEOUT_MS, signal: boot.signal })
  boot.finish()
  const kept = parts.move()
  return { facts: factsOf({ env, data, url, storage }), [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

type Boot = { signal: AbortSignal; isOver: () => boolean; finish: () => void; fail: (error: Error) => void }

/** Until everything is up, the end of any process ends the whole start. */
function createBoot(stopping: AbortSignal): Boot {
  const failed = new AbortController()
  let isOver = false
  return {
    signal: AbortSignal.any([stopping, failed.signal]),
    isOver: () => isOver,
    finish: () => {
      isOver = true
    },
    fail: (error) => failed.abort(error),
  }
}

type Starter = (name: string, main: string, own: NodeJS.ProcessEnv) => SupervisedChild

function createStarter({
  env,
  data,
  boot,
  say,
}: {
  env: StackEnv
  data: DataFolder
  boot: Boot
  say: (line: string) => void
}): Starter {
  return (name, main, own) =>
    superviseChild({
      name,
      command: process.execPath,
      args: ["--import", FOLLOW_PARENT, main],
      env: { ...process.env, NODE_ENV: process.env["NODE_ENV"] ?? "production", ...own },
      log: data.openLog(name),
      stopWithinMs: env.KILN_GRACE * 1000 + STOP_MARGIN_MS,
      isUp: boot.isOver,
      onFailedStart: boot.fail,
      say,
    })
}

function startRedis(data: DataFolder, boot: Boot, say: (line: string) => void) {
  return startEmbeddedRedis({
    folder: join(data.path, "redis"),
    log: data.openLog("redis"),
    signal: boot.signal,
    isUp: boot.isOver,
    onFailedStart: boot.fail,
    say,
  })
}

function startWorkers(
  env: StackEnv,
  start: (name: string, own: NodeJS.ProcessEnv) => SupervisedChild,
): AsyncDisposable {
  const workers = Array.from({ length: env.KILN_WORKERS }, (_, index) => {
    const port =
      env.KILN_WORKER_PORT === undefined ? {} : { KILN_WORKER_PORT: String(env.KILN_WORKER_PORT + index) }
    return start(`worker-${index + 1}`, port)
  })
  const stop = async () => {
    await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()))
  }
  return { [Symbol.asyncDispose]: stop }
}

function commonEnv(env: StackEnv, data: DataFolder): NodeJS.ProcessEnv {
  return {
    KILN_DATA_DIR: data.path,
    KILN_ADMIN_KEY: data.adminKey,
    KILN_SECRET_KEY: data.secretKey,
    KILN_GRACE: String(env.KILN_GRACE),
  }
}

function factsOf({
  env,
  data,
  url,
  storage,
}: {
  env: StackEnv
  data: DataFolder
  url: string
  storage: string
}): BannerFacts {
  return {
    url,
    storage,
    dataFolder: data.path,
    redis: env.REDIS_URL === undefined ? `its own, in ${join(data.path, "redis")}` : hostOf(env.REDIS_URL),
    ...(env.KILN_ADMIN_KEY === undefined ? { apiKey: data.adminKey } : {}),
    ...(env.GEMINI_API_KEY === undefined ? {} : { upstream: env.GEMINI_BASE_URL ?? "Google" }),
  }
}

/** The banner shows where Redis is, not its password. */
function hostOf(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//")
}

/** Listening on every address is not an address to call. */
function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1"
  return host.includes(":") ? `[${host}]` : host
}
