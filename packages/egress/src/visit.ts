import type { Dispatcher } from "undici"

import { checkUrl, hostOf, type UrlRules } from "./check-url.ts"
import { EgressError, codeOf } from "./egress-error.ts"
import { pinnedClient } from "./pinned-client.ts"
import { resolveHost, type Resolve } from "./resolve-host.ts"
import { unlessAborted } from "./unless-aborted.ts"

export type VisitOptions = UrlRules & {
  resolve: Resolve
  timeoutMs: number
  accept: string
  signal: AbortSignal
}
export type Answer = Pick<Dispatcher.ResponseData, "statusCode" | "headers" | "body">

const redirects = new Set([301, 302, 303, 307, 308])

/** Sends one GET with nothing of ours in it and lends the answer to `use`, after which the connection is closed. */
export async function visit<T>(
  url: URL,
  options: VisitOptions,
  use: (answer: Answer) => Promise<T>,
): Promise<T> {
  const host = hostOf(url)
  const { allowPrivate, timeoutMs, accept, signal } = options
  const addresses = await unlessAborted(resolveHost(host, options), signal)
  const client = pinnedClient(url.origin, { addresses, allowPrivate, connectTimeoutMs: timeoutMs })
  try {
    const answer = await explained(host, signal, () =>
      client.request({
        method: "GET",
        path: url.pathname + url.search,
        headers: { accept, "accept-encoding": "identity", "user-agent": "Kiln" },
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        signal,
      }),
    )
    // A body that is left unread ends with an error when the connection closes.
    answer.body.on("error", () => undefined)
    return await use(answer)
  } finally {
    await client.destroy()
  }
}

/** Where an answer sends us, checked like the first address; undefined when it does not. */
export function redirectOf({ statusCode, headers }: Answer, from: URL, rules: UrlRules): URL | undefined {
  const location = headers["location"]
  if (!redirects.has(statusCode) || typeof location !== "string") return undefined
  const target = URL.parse(location, from)
  if (target === null)
    throw new EgressError("redirect_not_allowed", `${from.hostname} redirects to no valid URL`)
  const next = checkUrl(target.href, rules)
  if (from.protocol === "https:" && next.protocol === "http:") {
    throw new EgressError("redirect_not_allowed", `${from.hostname} redirects from https to plain http`)
  }
  return next
}

/** The chunks of a body; what goes wrong on the way is told as ours. */
export async function* chunksOf(
  body: Answer["body"],
  host: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const chunks: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]()
  for (;;) {
    const next = await explained(host, signal, () => chunks.next())
    if (next.done === true) return
    yield next.value
  }
}

async function explained<T>(host: string, signal: AbortSignal, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    signal.throwIfAborted()
    throw explain(host, cause)
  }
}

/** What went wrong on the way to a host, as ours. */
export function explain(host: string, cause: unknown): EgressError {
  if (cause instanceof EgressError) return cause
  const reason = codeOf(cause)
  if (reason?.endsWith("_TIMEOUT")) {
    return new EgressError("timeout", `${host} did not answer in time`, { cause })
  }
  return new EgressError(
    "connection_failed",
    `The connection to ${host} failed${reason === undefined ? "" : ` (${reason})`}`,
    { cause },
  )
}
