import { createHash } from "node:crypto"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { connect, createServer, type AddressInfo, type Socket } from "node:net"

/** Where a script's command is stopped: on its way to Redis, or its answer on the way back. */
export type Side = "command" | "answer"

/** A connection to Redis that can be cut exactly before or after one step of the ledger. */
export type RedisProxy = AsyncDisposable & {
  url: string
  /** From now on the first use of the script is stopped on that side; resolves when it is. */
  stopAt(script: string, side: Side): Promise<void>
}

const scripts = new URL("../../packages/ledger/src/scripts/", import.meta.url)
const source = (name: string) => readFileSync(new URL(`${name}.lua`, scripts), "utf8")
/** What Redis knows a script by: the ledger puts these before each. */
const shaOf = (script: string) =>
  createHash("sha1").update(["clock", "circuits", "lib", script].map(source).join("\n")).digest("hex")

/** Starts a proxy before the Redis at a unix socket. */
export async function startRedisProxy(target: string): Promise<RedisProxy> {
  const path = target.replace(/^unix:\/\//, "")
  let armed: { sha: string; side: Side; hit: () => void } | undefined
  const sockets = new Set<Socket>()

  const server = createServer((client) => {
    const redis = connect(path)
    let commandsHeld = false
    let answersHeld = false
    for (const socket of [client, redis]) {
      sockets.add(socket)
      socket
        .on("error", () => socket.destroy())
        .on("close", () => {
          sockets.delete(socket)
          client.destroy()
          redis.destroy()
        })
    }
    client.on("data", (chunk: Buffer) => {
      if (armed && chunk.includes(armed.sha)) {
        const { side, hit } = armed
        armed = undefined
        if (side === "command") commandsHeld = true
        else answersHeld = true
        if (side === "answer") redis.once("data", hit)
        else hit()
      }
      if (!commandsHeld) redis.write(chunk)
    })
    redis.on("data", (chunk: Buffer) => {
      if (!answersHeld) client.write(chunk)
    })
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    url: `redis://127.0.0.1:${port}`,
    stopAt(script, side) {
      const { promise, resolve } = Promise.withResolvers<void>()
      armed = { sha: shaOf(script), side, hit: resolve }
      return promise
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
