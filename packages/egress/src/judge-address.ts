import { isIP } from "node:net"

import ipaddr from "ipaddr.js"

type Address = ipaddr.IPv4 | ipaddr.IPv6

// Where clouds answer with the credentials of the machine that asks (AWS, Google, Azure, ECS, Alibaba); the one of
// Azure looks like any public address.
const credentialServices = new Set([
  "169.254.169.254",
  "169.254.170.2",
  "168.63.129.16",
  "100.100.100.200",
  "fd00:ec2::254",
  "fd00:ec2::23",
  "fd20:ce::254",
])

const global6 = ipaddr.IPv6.parseCIDR("2000::/3")
const nat64 = ipaddr.IPv6.parseCIDR("64:ff9b::/96")

/**
 * Whether a caller may make us connect to an address: to globally routable unicast ones (the IANA registries of
 * special addresses), with `allowPrivate` to all but the clouds' credential services.
 */
export function mayReach(address: string, { allowPrivate }: { allowPrivate: boolean }): boolean {
  if (isIP(address) === 0) return false
  const reached = unwrap(ipaddr.parse(address))
  if (credentialServices.has(reached.toString())) return false
  return allowPrivate || isGlobal(reached)
}

/** The IPv4 address that packets end at, where an IPv6 address only wraps one (RFC 4291 mapped, RFC 6052 NAT64). */
function unwrap(address: Address): Address {
  if (!(address instanceof ipaddr.IPv6)) return address
  if (address.isIPv4MappedAddress()) return address.toIPv4Address()
  return address.match(nat64) ? new ipaddr.IPv4(address.toByteArray().slice(12)) : address
}

function isGlobal(address: Address): boolean {
  // What IANA has not given out yet has no name either, so that of IPv6 only the part in use passes.
  if (address instanceof ipaddr.IPv6 && !address.match(global6)) return false
  return address.range() === "unicast"
}
