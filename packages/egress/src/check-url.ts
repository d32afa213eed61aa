import { isIP } from "node:net"

import { EgressError } from "./egress-error.ts"
import { mayReach } from "./judge-address.ts"

export type Protocol = "http:" | "https:"
export type UrlRules = { allowPrivate: boolean; protocols: readonly Protocol[] }

const longestUrl = 2048

/**
 * Parses an address that a caller named, as browsers do (WHATWG), which undoes every odd spelling of a host. Throws
 * `EgressError` for what would be refused whatever its name resolves to.
 */
export function checkUrl(text: string, rules: UrlRules): URL {
  if (text.length > longestUrl) throw notValid(`The URL is longer than ${longestUrl} characters`)
  const url = URL.parse(text)
  if (url === null) throw notValid("The URL is not a valid absolute URL")
  if (!isOneOf(url.protocol, rules.protocols)) {
    throw new EgressError(
      "protocol_not_allowed",
      `The URL must start with ${rules.protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
    )
  }
  if (url.hostname === "") throw notValid("The URL has no host")
  if (url.username !== "" || url.password !== "") {
    throw new EgressError("credentials_in_url", "The URL may not contain a user name or password")
  }
  checkPort(url)
  const host = hostOf(url)
  if (isIP(host) !== 0 && !mayReach(host, rules)) throw notAllowed(host)
  return url
}

/** The host to resolve or connect to: an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1")
}

export function notAllowed(host: string): EgressError {
  return new EgressError("address_not_allowed", `${host} is not a public address of the internet`)
}

/** Ports below 1024 but the web's own belong to services that HTTP bytes could confuse, such as mail. */
function checkPort(url: URL): void {
  const port = Number(url.port)
  if (url.port === "" || port === 80 || port === 443 || port >= 1024) return
  throw new EgressError("port_not_allowed", `Port ${port} is not allowed: use 80, 443 or one from 1024 up`)
}

function isOneOf(protocol: string, protocols: readonly string[]): boolean {
  return protocols.includes(protocol)
}

function notValid(sentence: string): EgressError {
  return new EgressError("url_not_valid", sentence)
}
