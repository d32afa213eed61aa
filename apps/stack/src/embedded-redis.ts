import { execFile } from "node:child_process"
import { mkdir, readFile, realpath, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { promisify } from "node:util"

import { connectRedis, loadOrCreateSecret } from "@kiln/runtime"

import { type ChildOptions, superviseChild } from "./child.ts"
import { freePort } from "./port.ts"
import { redisConfig } from "./redis-config.ts"

export type EmbeddedRedis = AsyncDisposable & { readonly url: string }

/** The kernel's limit is 104 bytes on some systems, its ending zero included. */
const LONGEST_SOCKET_PATH = 100
const START_TIMEOUT_MS = 120_000
const POLL_MS = 20
const OLDEST_MAJOR = 7

/** Redis stops when the pipe to a killed stack closes: a shell beside it waits for that. */
const FOLLOW_PARENT = `(read -r _ <&3; kill -TERM $$) >/dev/null 2>&1 & exec "$0" "$@" 3<&-`

/**
 * Starts a Redis that belongs to `folder` and keeps its data there, and waits until it has loaded them. The caller holds
 * the folder's lock: a Redis that a killed stack left behind is stopped first. Throws a sentence for the operator.
 */
export async function startEmbeddedRedis({
  folder: givenFolder,
  signal,
  ...supervision
}: { folder: string; signal: AbortSignal } & Pick<
  ChildOptions,
  "log" | "isUp" | "onFailedStart" | "say"
>): Promise<EmbeddedRedis> {
  const command = await findRedis()
  await mkdir(givenFolder, { recursive: true, mode: 0o700 })
  // Redis tells its folder without links, and is recognised by it.
  const folder = await realpath(givenFolder)
  await stopLeftover(folder)
  const { url, config } = await layOut(folder)
  await using started = new AsyncDisposableStack()
  started.use(
    superviseChild({
      ...supervision,
      name: "redis",
      command: "sh",
      args: ["-c", FOLLOW_PARENT, command, config],
      env: process.env,
      stopWithinMs: 30_000,
    }),
  )
  await untilAnswers(url, signal)
  const kept = started.move()
  return { url, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function findRedis(): Promise<string> {
  for (const command of ["redis-server", "valkey-server"]) {
    const version = await versionOf(command)
    if (version === undefined) continue
    if (Number.parseInt(version, 10) >= OLDEST_MAJOR) return command
    throw new Error(
      `Kiln needs Redis ${OLDEST_MAJOR} or newer and found ${version}: install it, or set REDIS_URL.`,
    )
  }
  throw new Error("Kiln needs a Redis server: install redis-server, or set REDIS_URL.")
}

async function versionOf(command: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(command, ["--version"], { timeout: 10_000 })
    return / v=([\d.]+)/.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}

/** Chooses the address and writes the configuration; the address file lets the next start find a leftover. */
async function layOut(folder: string): Promise<{ url: string; config: string }> {
  const socket = join(folder, "redis.sock")
  const isShort = Buffer.byteLength(socket) < LONGEST_SOCKET_PATH
  const listen = isShort ? { port: 0, socket } : { port: await freePort(), password: await password(folder) }
  const url =
    "socket" in listen
      ? `unix://${encodeURI(socket).replaceAll("?", "%3F").replaceAll("#", "%23")}`
      : `redis://:${listen.password}@127.0.0.1:${listen.port}`
  const config = join(folder, "redis.conf")
  await writeFile(config, redisConfig({ folder, ...listen }), { mode: 0o600 })
  await writeFile(join(folder, "address"), url, { mode: 0o600 })
  return { url, config }
}

/** A loopback port can be reached by everyone on the machine. */
function password(folder: string): Promise<string> {
  return loadOrCreateSecret({ folder, name: "password", bytes: 24 })
}

/** Waits for a leftover that still loads its data: a second Redis on the same files would ruin them. */
async function stopLeftover(folder: string): Promise<void> {
  const url = await readFile(join(folder, "address"), "utf8").catch(() => undefined)
  if (url === undefined) return
  const redis = connectRedis({ url, role: "blocking", name: "kiln:stack", onError: () => redis.disconnect() })
  const timer = setTimeout(() => redis.disconnect(), START_TIMEOUT_MS)
  try {
    const dir: unknown = await redis.config("GET", "dir")
    if (!Array.isArray(dir) || dir[1] !== folder) return
    const closed = new Promise((resolve) => redis.once("close", resolve))
    void redis.shutdown("NOSAVE").catch(() => {})
    await closed
  } catch {
    // Nobody answers there, or somebody else does.
  } finally {
    clearTimeout(timer)
    redis.disconnect()
  }
}

/** ioredis calls a connection ready when the append-only file is loaded, not before. */
async function untilAnswers(url: string, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(START_TIMEOUT_MS)])
  const redis = connectRedis({ url, role: "blocking", name: "kiln:stack", onError: () => {} })
  try {
    while (redis.status !== "ready") await delay(POLL_MS, undefined, { signal: deadline })
  } catch {
    signal.throwIfAborted()
    throw new Error("The embedded Redis did not answer in time.")
  } finally {
    redis.disconnect()
  }
}
