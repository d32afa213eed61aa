import type { LookupFunction } from "node:net"

import { buildConnector } from "undici"

import { notAllowed } from "./check-url.ts"
import { mayReach } from "./judge-address.ts"
import type { ResolvedAddress } from "./resolve-host.ts"

export type PinnedConnectorOptions = {
  addresses: readonly ResolvedAddress[]
  allowPrivate: boolean
  connectTimeoutMs: number
}

/**
 * Connects to the given addresses only, whatever the name resolves to by then, and looks again at what it is connected
 * to before a byte is sent. The certificate is checked for the name.
 */
export function pinnedConnector({
  addresses,
  allowPrivate,
  connectTimeoutMs,
}: PinnedConnectorOptions): buildConnector.connector {
  const connect = buildConnector({
    lookup: pinnedLookup(addresses),
    autoSelectFamily: true,
    timeout: connectTimeoutMs,
    allowH2: false,
    maxCachedSessions: 0,
    // Whatever the environment says.
    rejectUnauthorized: true,
  })
  return (options, callback) => {
    connect(options, (...connected) => {
      const [error, socket] = connected
      if (error !== null) return callback(error, null)
      if (mayReach(socket.remoteAddress ?? "", { allowPrivate })) return callback(null, socket)
      socket.destroy()
      callback(notAllowed(options.hostname), null)
    })
  }
}

function pinnedLookup(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_host, { all }, callback) => {
    const [first] = addresses
    if (all === true) callback(null, [...addresses])
    else if (first === undefined) callback(new Error("There is no address to connect to"), "")
    else callback(null, first.address, first.family)
  }
}
