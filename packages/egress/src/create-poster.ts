import { Agent, Client, type Dispatcher } from "undici"

import { checkUrl, hostOf, type Protocol } from "./check-url.ts"
import { EgressError, codeOf, type EgressErrorCode } from "./egress-error.ts"
import { guardedConnector } from "./guarded-connector.ts"
import { resolveBySystem, type Resolve } from "./resolve-host.ts"
import { explained } from "./visit.ts"

export type PosterOptions = {
  /** Lets private addresses pass; the clouds' credential services never do. */
  allowPrivate: boolean
  protocols?: readonly Protocol[]
  resolve?: Resolve
  /** For everything from the resolver to the head of the answer. */
  timeoutMs?: number
  /** For the rest of the answer, which is for the log only. */
  answerMs?: number
  /** How long a connection is kept for the next post. */
  idleMs?: number
  /** How long a connection is used at all, so that a receiver that moves is found at its new address. */
  connectionMs?: number
}

export type PostRequest = {
  url: string
  headers: Readonly<Record<string, string>>
  body: string
  signal?: AbortSignal | undefined
}

export type PostResult =
  /** `text` is the beginning of the answer, at most 1 KB of it. */
  | { kind: "answered"; status: number; retryAfter: string | undefined; text: string }
  /** The sentence names the host at most. */
  | { kind: "failed"; code: EgressErrorCode; reason: string }

export type Poster = AsyncDisposable & {
  /** Posts to an address that a caller named; redirects are answers like others. Rejects with the signal's reason only. */
  post(request: PostRequest): Promise<PostResult>
}

const mostRead = 64 * 1024
const mostKept = 1024
/** The way out for what is sent to addresses that callers name, over connections that are kept for a while. */
export function createPoster(options: PosterOptions): Poster {
  const { allowPrivate, protocols = ["https:"], resolve = resolveBySystem, timeoutMs = 15_000 } = options
  const { answerMs = 2_000, idleMs = 4_000, connectionMs = 60_000 } = options
  const rules = { allowPrivate, protocols }
  const { connector, isOfUsed } = guardedConnector({ resolve, allowPrivate, timeoutMs })
  const agent = new Agent({ connect: connector, keepAliveTimeout: idleMs, clientTtl: connectionMs })

  /** A connection that the other side closed while it was idle says nothing about the receiver: once more, on a new one. */
  async function send(url: URL, request: Sending): Promise<Answer> {
    try {
      return await sendBy(agent, url, request)
    } catch (error) {
      if (request.signal.aborted || !(isOfUsed(error) || isClosed(error))) throw error
      const client = new Client(url.origin, { connect: connector })
      try {
        return await sendBy(client, url, request)
      } finally {
        await client.destroy()
      }
    }
  }

  return {
    async post({ url: text, headers, body, signal }) {
      const deadline = new AbortController()
      const timer = setTimeout(() => deadline.abort(deadlineReason), timeoutMs)
      const leave = () => deadline.abort(signal?.reason)
      signal?.addEventListener("abort", leave, { once: true })
      try {
        signal?.throwIfAborted()
        const url = checkUrl(text, rules)
        const sending = { headers, body, signal: deadline.signal, timeoutMs, answerMs }
        return await explained(hostOf(url), deadline.signal, () => send(url, sending))
      } catch (error) {
        if (signal?.aborted) throw signal.reason
        return failed(error, timeoutMs)
      } finally {
        clearTimeout(timer)
        signal?.removeEventListener("abort", leave)
      }
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

const deadlineReason = new Error("The time for an answer is over")

type Answer = Extract<PostResult, { kind: "answered" }>
type Sending = {
  headers: Readonly<Record<string, string>>
  body: string
  signal: AbortSignal
  timeoutMs: number
  answerMs: number
}

async function sendBy(
  dispatcher: Dispatcher,
  url: URL,
  { headers, body, signal, timeoutMs, answerMs }: Sending,
): Promise<Answer> {
  const answer = await dispatcher.request({
    origin: url.origin,
    method: "POST",
    path: url.pathname + url.search,
    headers: { ...headers, "accept-encoding": "identity" },
    body,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    signal,
  })
  const retryAfter = answer.headers["retry-after"]
  const text = await beginningOf(answer.body, answerMs)
  return {
    kind: "answered",
    status: answer.statusCode,
    retryAfter: typeof retryAfter === "string" ? retryAfter : retryAfter?.[0],
    text,
  }
}

/** Short answers are read whole, so that the connection can be used again; of long or slow ones it is cut. */
async function beginningOf(body: Dispatcher.ResponseData["body"], answerMs: number): Promise<string> {
  const kept: Uint8Array[] = []
  let bytes = 0
  const tooSlow = setTimeout(() => body.destroy(), answerMs)
  body.on("error", () => undefined)
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      if (bytes < mostKept) kept.push(chunk.subarray(0, mostKept - bytes))
      bytes += chunk.length
      if (bytes > mostRead) break
    }
  } catch {
    // The head has said what counts.
  } finally {
    clearTimeout(tooSlow)
  }
  return new TextDecoder().decode(Buffer.concat(kept))
}

function failed(error: unknown, timeoutMs: number): PostResult {
  if (error === deadlineReason) {
    return { kind: "failed", code: "timeout", reason: `No answer within ${timeoutMs / 1000} s` }
  }
  if (!(error instanceof EgressError)) throw error
  return { kind: "failed", code: error.code, reason: error.message }
}

/** Ended in an orderly way by the other side, before a byte of the answer. */
function isClosed(error: unknown): boolean {
  return codeOf(error) === "UND_ERR_SOCKET" && bytesReadOf(error) > 0
}

function bytesReadOf(error: unknown): number {
  if (!(error instanceof Error) || !("socket" in error)) return 0
  const { socket } = error
  if (typeof socket !== "object" || socket === null || !("bytesRead" in socket)) return 0
  return Number(socket.bytesRead)
}
