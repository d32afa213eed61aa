import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { Redis } from "ioredis"

/** A Redis of a test's own, on a socket in a temporary folder; it is gone with the test. */
export async function startRedis(): Promise<AsyncDisposable & { redis: Redis }> {
  const folder = await mkdtemp(join(tmpdir(), "kiln-ledger-"))
  const socket = join(folder, "redis.sock")
  const options = ["--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]
  const server = spawn("redis-server", options, { stdio: "ignore" })
  const redis = new Redis(socket, { maxRetriesPerRequest: null, retryStrategy: () => 20 })
  redis.on("error", () => {})
  await redis.ping()
  return {
    redis,
    async [Symbol.asyncDispose]() {
      redis.disconnect()
      server.kill("SIGKILL")
      await once(server, "exit")
      await rm(folder, { recursive: true, force: true })
    },
  }
}
