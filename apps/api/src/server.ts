import { once } from "node:events"
import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"

import { answerUnreadable } from "./http/unreadable.ts"
import { watchArrival, type ArrivalLimits } from "./http/watch-arrival.ts"

export type Server = AsyncDisposable & {
  port: number
  /** From now on requests are answered. */
  serve(listener: RequestListener): void
}

/** Nothing here takes longer than a wait of 60 s; a connection on which nothing moves is dropped. */
const idleMs = 120_000
const checkMs = 50
/** 10 KB a second: the slowest lines have more, and 100 MB then take three hours at the most. */
const slowest = { windowMs: 60_000, leastBytes: 600_000 }

type ListenOptions = { host: string; port: number; graceMs: number; arrival?: ArrivalLimits }

/**
 * Listens at once, so that the port is known before anything is built on it. Disposing stops listening, lets
 * running requests finish for `graceMs`, then cuts what is left.
 */
export async function listen(options: ListenOptions): Promise<Server> {
  const server = createServer({
    headersTimeout: 15_000,
    // How long a body may take depends on whether it still flows.
    requestTimeout: 0,
    keepAliveTimeout: 75_000,
    connectionsCheckingInterval: 5_000,
  })
  server.timeout = idleMs
  server.on("clientError", answerUnreadable)
  const watch: RequestListener = (req, res) => watchArrival(req, res, options.arrival ?? slowest)
  server.on("request", watch).on("checkExpectation", watch)
  // What comes while the rest is still being built is answered then; without a listener it would never be.
  const early: Parameters<RequestListener>[] = []
  const hold: RequestListener = (...exchange) => void early.push(exchange)
  server.on("request", hold)
  server.listen(options.port, options.host)
  await once(server, "listening")
  return {
    port: (server.address() as AddressInfo).port,
    serve(listener) {
      server.off("request", hold).on("request", listener).on("checkExpectation", listener)
      for (const exchange of early) listener(...exchange)
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close")
      server.close()
      // A kept connection is idle only after its last answer.
      const sweep = setInterval(() => {
        server.closeIdleConnections()
      }, checkMs)
      const cut = setTimeout(() => {
        server.closeAllConnections()
      }, options.graceMs)
      await closed
      clearInterval(sweep)
      clearTimeout(cut)
    },
  }
}
