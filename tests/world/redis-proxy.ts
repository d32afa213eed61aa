import { createHash } from "node:crypto"
import { once } from "node:events"
import { connect, createServer, type AddressInfo, type Socket } from "node:net"

import { scriptText } from "@kiln/ledger/testing"

/** Where a script's command is stopped: on its way to Redis, or its answer on the way back. */
export type Side = "command" | "answer"

/** A connection to Redis that can be cut exactly before or after one step of the ledger. */
export type RedisProxy = AsyncDisposable & {
  url: string
  /**
   * From now on the first use of the script is stopped on that side; resolves when it is. With `answering`, the first
   * answer on the script's connection that has this text in it.
   */
  stopAt(script: string, side: Side, answering?: string): Promise<void>
  /** From now on the first command that has this text in it is stopped on its way to Redis; resolves when it is. */
  stopBefore(text: string): Promise<void>
}

const shaOf = (script: string) => createHash("sha1").update(scriptText(script)).digest("hex")

type Stop = { text: string; side: Side; answering: string | undefined }

/** Starts a proxy before the Redis at a unix socket. */
export async function startRedisProxy(target: string): Promise<RedisProxy> {
  const path = target.replace(/^unix:\/\//, "")
  let armed: (Stop & { hit: () => void }) | undefined
  const sockets = new Set<Socket>()

  function arm(stop: Stop): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    armed = { ...stop, hit: resolve }
    return promise
  }

  const server = createServer((client) => {
    const redis = connect(path)
    let commandsHeld = false
    let answersHeld = false
    let runsScript = false
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
      if (armed && chunk.includes(armed.text)) runsScript = true
      if (armed && armed.answering === undefined && chunk.includes(armed.text)) {
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
      if (runsScript && armed?.answering !== undefined && chunk.includes(armed.answering)) {
        const { hit } = armed
        armed = undefined
        answersHeld = true
        hit()
      }
      if (!answersHeld) client.write(chunk)
    })
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    url: `redis://127.0.0.1:${port}`,
    stopAt: (script, side, answering) => arm({ text: shaOf(script), side, answering }),
    stopBefore: (text) => arm({ text, side: "command", answering: undefined }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
