import type { Socket } from "node:net"

import type { buildConnector } from "undici"

import { pinnedConnector } from "./pinned-connector.ts"
import { resolveInTime, type Resolve } from "./resolve-host.ts"

type Connector = buildConnector.connector
type Options = { resolve: Resolve; allowPrivate: boolean; timeoutMs: number }

/**
 * Resolves the name anew for every connection, checks each address and connects to those alone; a connection that is
 * used again is thereby pinned to what was checked.
 */
export function guardedConnector(options: Options) {
  const { allowPrivate, timeoutMs } = options
  /** Errors of connections that had answered before: the other side may just have closed an idle one. */
  const ofUsed = new WeakSet<object>()

  const mark = (socket: Socket | null): void => {
    socket?.on("error", (error: Error) => {
      if (socket.bytesRead > 0) ofUsed.add(error)
    })
  }
  const connector: Connector = (target, callback) => void connect(target, callback)

  async function connect(...[target, callback]: Parameters<Connector>): Promise<void> {
    let pinned: Connector
    try {
      const addresses = await resolveInTime(target.hostname, options)
      pinned = pinnedConnector({ addresses, allowPrivate, connectTimeoutMs: timeoutMs })
    } catch (error) {
      callback(error instanceof Error ? error : new Error("Resolving failed", { cause: error }), null)
      return
    }
    pinned(target, (...connected) => {
      mark(connected[1])
      callback(...connected)
    })
  }
  return { connector, isOfUsed: (error: unknown) => error instanceof Error && ofUsed.has(error) }
}
