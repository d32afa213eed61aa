import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

import { connectRedis } from "../redis.ts"

/** A Redis of a test's own, on a socket in a temporary folder; it is gone with the test. */
export async function startPrivateRedis(
  settings: readonly string[] = [],
): Promise<AsyncDisposable & { url: string; pid: number }> {
  const folder = await mkdtemp(join(tmpdir(), "kiln-redis-"))
  const socket = join(folder, "redis.sock")
  const url = `unix://${socket}`
  const child = spawn(
    "redis-server",
    ["--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--appendonly", "no", ...settings],
    { stdio: "ignore" },
  )
  const exited = once(child, "exit")
  await untilReady(url, exited)
  return {
    url,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL")
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function untilReady(url: string, exited: Promise<unknown>): Promise<void> {
  let hasExited = false
  exited.then(
    () => (hasExited = true),
    () => (hasExited = true),
  )
  const redis = connectRedis({ url, role: "blocking", name: "kiln-test", onError: () => {} })
  try {
    while (redis.status !== "ready") {
      if (hasExited) throw new Error("redis-server ended at once: is it installed?")
      await sleep(5)
    }
  } finally {
    redis.disconnect()
  }
}
