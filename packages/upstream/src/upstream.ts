import { Readable } from "node:stream"

import { JobFailure } from "@kiln/contract"
import { CallAborted } from "@kiln/jobs"
import { Agent, type Dispatcher } from "undici"

import { connectionFailure } from "./connection-failure.ts"
import type { Redact } from "./redact.ts"

/** Plain words as they are, or a body of known length whose images are read when it is sent. */
export type RequestBody = Buffer | StreamedBody
export type StreamedBody = { bytes: number; chunks(): AsyncIterable<Uint8Array> }

type UpstreamCall = {
  method: "GET" | "POST"
  url: URL
  /** Goes into a header; the URL never has it, because URLs are logged. Empty: none is sent. */
  key: string
  body?: RequestBody
  headers?: Readonly<Record<string, string>>
  /** Whether the upstream may bill for it; only images cost money. */
  isBilled?: boolean
  /** Hears when the request is about to be written. */
  onSent?: (() => void) | undefined
  signal: AbortSignal
}

export type Upstream = AsyncDisposable & {
  /**
   * Sends the call and gives its response to `read`; both together have one timeout. Throws what `read` throws
   * as a JobFailure, a JobFailure for the network and the timeout, CallAborted when the signal ended it.
   */
  call<Result>(
    call: UpstreamCall,
    read: (response: Dispatcher.ResponseData) => Promise<Result>,
  ): Promise<Result>
}

type UpstreamOptions = { timeoutMs: number; maxConnections: number; redact: Redact }

const connectTimeoutMs = 10_000

/** One pool of kept-alive connections for each origin. */
export function createUpstream({ timeoutMs, maxConnections, redact }: UpstreamOptions): Upstream {
  const agent = new Agent({
    connections: maxConnections,
    connect: { timeout: connectTimeoutMs },
    // One HTTP/2 session would squeeze all images through one TCP window and lose them all at once.
    allowH2: false,
    // The call's own timeout covers both, and a model thinks for minutes before the headers come.
    headersTimeout: 0,
    bodyTimeout: 0,
  })

  return {
    async call({ signal, isBilled = true, onSent, ...call }, read) {
      if (signal.aborted) throw new CallAborted({ charged: "no", cause: signal.reason })
      const timeout = AbortSignal.timeout(timeoutMs)
      let wasSent = false
      const either = AbortSignal.any([signal, timeout])
      const sent = () => {
        wasSent = isBilled && !either.aborted
        onSent?.()
      }
      const sender = agent.compose(whenSent(sent))
      try {
        const response = await Promise.race([sender.request(toRequest(call, either)), abortOf(either)])
        try {
          return await read(response)
        } finally {
          // An unread rest is not waited for: its connection is closed.
          response.body.on("error", () => undefined).destroy()
        }
      } catch (error) {
        if (error instanceof JobFailure) throw error
        const charged = wasSent ? "unknown" : "no"
        if (signal.aborted) throw new CallAborted({ charged, cause: signal.reason })
        if (timeout.aborted) throw timedOut(timeoutMs, charged)
        throw connectionFailure(error, { wasSent, redact })
      }
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

/**
 * Rejects when the signal is aborted: a request that waits for a connection hears of it only when its turn comes,
 * and is then dropped without being sent.
 */
async function abortOf(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  return promise
}

type Message = Pick<UpstreamCall, "method" | "url" | "key" | "body" | "headers">

function toRequest({ method, url, key, body, headers }: Message, signal: AbortSignal) {
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers: {
      ...(key !== "" && { "x-goog-api-key": key }),
      accept: "application/json",
      "accept-encoding": "identity",
      "user-agent": "kiln",
      ...(body && { "content-type": "application/json", "content-length": `${lengthOf(body)}` }),
      ...headers,
    },
    body: body && "chunks" in body ? Readable.from(body.chunks(), { objectMode: false }) : (body ?? null),
    signal,
  }
}

const lengthOf = (body: RequestBody): number => ("chunks" in body ? body.bytes : body.length)

/** Tells when a request is about to be written to a connection that stands: from then on it may be billed. */
function whenSent(tell: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart(...start) {
        tell()
        handler.onRequestStart?.(...start)
      },
      onRequestUpgrade: (...upgrade) => handler.onRequestUpgrade?.(...upgrade),
      onResponseStart: (...start) => handler.onResponseStart?.(...start),
      onResponseData: (...data) => handler.onResponseData?.(...data),
      onResponseEnd: (...end) => handler.onResponseEnd?.(...end),
      onResponseError: (...failed) => handler.onResponseError?.(...failed),
    })
}

const timedOut = (timeoutMs: number, charged: "unknown" | "no") =>
  new JobFailure("upstream_timeout", `The upstream did not answer within ${timeoutMs / 1_000} seconds`, {
    charged,
  })
