import { createHash } from "node:crypto"
import { open, rm } from "node:fs/promises"

import { checkUrl, hostOf, type Protocol } from "./check-url.ts"
import { EgressError } from "./egress-error.ts"
import { resolveBySystem, resolveInTime, type Resolve } from "./resolve-host.ts"
import { unlessAborted } from "./unless-aborted.ts"
import { chunksOf, redirectOf, visit, type Answer, type VisitOptions } from "./visit.ts"

export type EgressOptions = {
  /** Lets private addresses pass; the clouds' credential services never do. */
  allowPrivate: boolean
  /** The largest body that is accepted. */
  maxBytes: number
  protocols?: readonly Protocol[]
  resolve?: Resolve
  maxRedirects?: number
  /** For everything from the resolver to the last byte, redirects included. */
  timeoutMs?: number
}

export type FetchToOptions = {
  /** The file to write; it is removed when the fetch fails. */
  target: string
  signal?: AbortSignal | undefined
  maxBytes?: number | undefined
  /** The `Accept` header. */
  accept?: string | undefined
}

export type Fetched = {
  bytes: number
  sha256: string
  /** What the server claims, in lower case and without parameters. */
  contentType: string | undefined
  finalUrl: string
}

export type Egress = {
  /** Refuses what could never be fetched, without resolving its name. Throws `EgressError`. */
  checkUrl(url: string): URL
  /** `checkUrl`, and every address that the name has by now. Throws `EgressError`, or the signal's reason. */
  checkReachable(url: string, signal?: AbortSignal): Promise<URL>
  /** Streams what an address answers to a file. Throws `EgressError`, the signal's reason, or what the disk threw. */
  fetchTo(url: string, options: FetchToOptions): Promise<Fetched>
}

type Fetching = VisitOptions & { target: string; maxBytes: number; maxRedirects: number }

/** The one way out to addresses that callers name. */
export function createEgress(options: EgressOptions): Egress {
  const { protocols = ["https:", "http:"], resolve = resolveBySystem } = options
  const { maxRedirects = 3, timeoutMs = 20_000, allowPrivate } = options
  const rules = { allowPrivate, protocols, resolve, maxRedirects, timeoutMs }
  return {
    checkUrl: (url) => checkUrl(url, rules),
    async checkReachable(text, signal) {
      signal?.throwIfAborted()
      const url = checkUrl(text, rules)
      await unlessAborted(resolveInTime(hostOf(url), rules), signal)
      return url
    },
    async fetchTo(url, { target, signal, maxBytes = options.maxBytes, accept = "*/*" }) {
      const deadline = AbortSignal.timeout(timeoutMs)
      const stop = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
      try {
        return await follow(checkUrl(url, rules), { ...rules, target, maxBytes, accept, signal: stop })
      } catch (error) {
        await rm(target, { force: true })
        if (signal?.aborted) throw signal.reason
        if (error === deadline.reason) {
          throw new EgressError("timeout", `Fetching took longer than ${timeoutMs / 1000} s`, {
            cause: error,
          })
        }
        throw error
      }
    },
  }
}

async function follow(first: URL, fetching: Fetching): Promise<Fetched> {
  let url = first
  for (let hops = 0; hops <= fetching.maxRedirects; hops += 1) {
    const here = url
    const found = await visit(here, fetching, async (answer) => {
      return redirectOf(answer, here, fetching) ?? keep(answer, here, fetching)
    })
    if (!(found instanceof URL)) return found
    url = found
  }
  throw new EgressError(
    "too_many_redirects",
    `${first.hostname} redirects more than ${fetching.maxRedirects} times`,
  )
}

async function keep(answer: Answer, url: URL, { target, maxBytes, signal }: Fetching): Promise<Fetched> {
  checkHead(answer, url, maxBytes)
  const hash = createHash("sha256")
  let bytes = 0
  await using file = await open(target, "w")
  for await (const chunk of chunksOf(answer.body, hostOf(url), signal)) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooLarge(url, maxBytes)
    hash.update(chunk)
    // Writes all of it where the last one ended, unlike `write`.
    await file.writeFile(chunk)
  }
  const contentType = String(answer.headers["content-type"] ?? "")
    .split(";", 1)[0]
    ?.trim()
    .toLowerCase()
  return { bytes, sha256: hash.digest("hex"), contentType: contentType || undefined, finalUrl: url.href }
}

function checkHead({ statusCode, headers }: Answer, url: URL, maxBytes: number): void {
  if (statusCode !== 200) {
    const retryable = statusCode >= 500 || [408, 425, 429].includes(statusCode)
    throw new EgressError("status", `${url.hostname} answered with status ${statusCode}`, {
      status: statusCode,
      retryable,
    })
  }
  // We asked for none; to decode one anyway would let a small answer become a large one.
  const encoding = String(headers["content-encoding"] ?? "identity").trim()
  if (!/^(?:identity)?$/i.test(encoding)) {
    throw new EgressError(
      "encoding_not_supported",
      `${url.hostname} answered in another encoding than asked for`,
    )
  }
  // Only a hint that saves a download: the body is counted as it comes.
  if (Number(headers["content-length"]) > maxBytes) throw tooLarge(url, maxBytes)
}

function tooLarge(url: URL, maxBytes: number): EgressError {
  return new EgressError("too_large", `${url.hostname} sends more than ${maxBytes} bytes`)
}
