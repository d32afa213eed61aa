import { once } from "node:events"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { createServer as createHttpServer, type RequestListener } from "node:http"
import { createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { createEgress, type EgressOptions } from "./create-egress.ts"

/** An HTTP server on loopback with all it has seen. */
export async function httpServer(listener: RequestListener) {
  return listening(createHttpServer(listener))
}

/** A server that answers each connection with bytes of its own. */
export async function rawServer(answer: (socket: Socket) => void) {
  return listening(createServer(answer))
}

async function listening(server: Server) {
  const sockets = new Set<Socket>()
  let connections = 0
  server.on("connection", (socket: Socket) => {
    connections += 1
    sockets.add(socket.on("error", () => undefined).on("close", () => sockets.delete(socket)))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    connections: () => connections,
    /** Resolves when every connection is closed. */
    idle: () => Promise.all(Array.from(sockets, (socket) => once(socket, "close"))),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

/** A way out that may reach loopback, and an empty folder to fetch to. */
export async function fetching(options: Partial<EgressOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), "kiln-egress-"))
  const egress = createEgress({ allowPrivate: true, maxBytes: 1_000_000, ...options })
  const target = join(folder, "fetched")
  return {
    target,
    fetch: (url: string, more: { signal?: AbortSignal; maxBytes?: number; accept?: string } = {}) =>
      egress.fetchTo(url, { target, ...more }),
    content: () => readFile(target),
    files: () => readdir(folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}
