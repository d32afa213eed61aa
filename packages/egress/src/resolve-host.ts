import { lookup } from "node:dns/promises"
import { isIP } from "node:net"

import { notAllowed } from "./check-url.ts"
import { EgressError, codeOf } from "./egress-error.ts"
import { mayReach } from "./judge-address.ts"

export type ResolvedAddress = { address: string; family: number }
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>

/** The system's resolver, the hosts file included. */
export const resolveBySystem: Resolve = (host) => lookup(host, { all: true })

/**
 * All addresses of a host, each of which may be connected to. One bad address refuses them all, since a name with a
 * public and a private address is an attempt, not a mistake. Throws `host_not_found`, `address_not_allowed`.
 */
export async function resolveHost(
  host: string,
  { resolve, allowPrivate }: { resolve: Resolve; allowPrivate: boolean },
): Promise<readonly ResolvedAddress[]> {
  const family = isIP(host)
  const addresses = family === 0 ? await found(host, resolve) : [{ address: host, family }]
  if (!addresses.every(({ address }) => mayReach(address, { allowPrivate }))) throw notAllowed(host)
  return addresses
}

/** The same within a time: the system's resolver cannot be stopped, but need not be waited for. Throws `timeout` too. */
export async function resolveInTime(
  host: string,
  { timeoutMs, ...options }: { resolve: Resolve; allowPrivate: boolean; timeoutMs: number },
): Promise<readonly ResolvedAddress[]> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(new EgressError("timeout", `${host} could not be resolved in time`))
  }, timeoutMs)
  try {
    return await Promise.race([resolveHost(host, options), tooLate])
  } finally {
    clearTimeout(timer)
  }
}

async function found(host: string, resolve: Resolve): Promise<readonly ResolvedAddress[]> {
  try {
    const addresses = await resolve(host)
    if (addresses.length > 0) return addresses
  } catch (cause) {
    const retryable = codeOf(cause) !== "ENOTFOUND" && codeOf(cause) !== "ENODATA"
    throw new EgressError("host_not_found", `${host} could not be resolved`, { cause, retryable })
  }
  throw new EgressError("host_not_found", `${host} has no address`)
}
