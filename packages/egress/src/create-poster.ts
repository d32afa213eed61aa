import { Agent, Client } from "undici"

import { checkUrl, hostOf, type Protocol } from "./check-url.ts"
import { codeOf, type EgressErrorCode } from "./egress-error.ts"
import { guardedConnector } from "./guarded-connector.ts"
import { deadlineReason, postOnce, type Answer, type Sending } from "./post-once.ts"
import { resolveBySystem, type Resolve } from "./resolve-host.ts"
import { explain } from "./visit.ts"

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
  | Answer
  /** The sentence names the host at most. */
  | { kind: "failed"; code: EgressErrorCode; reason: string }

export type Poster = AsyncDisposable & {
  /** Posts to an address that a caller named; redirects are answers like others. Rejects with the signal's reason only. */
  post(request: PostRequest): Promise<PostResult>
}

/** The same few are posted to all the time. */
const mostKnown = 1_000

/** The way out for what is sent to addresses that callers name, over connections that are kept for a while. */
export function createPoster(options: PosterOptions): Poster {
  const { allowPrivate, protocols = ["https:"], resolve = resolveBySystem, timeoutMs = 15_000 } = options
  const { answerMs = 2_000, idleMs = 4_000, connectionMs = 60_000 } = options
  const { connector, isOfUsed } = guardedConnector({ resolve, allowPrivate, timeoutMs })
  const agent = new Agent({ connect: connector, keepAliveTimeout: idleMs, clientTtl: connectionMs })
  const targetOf = knowing(mostKnown, (text) => aim(checkUrl(text, { allowPrivate, protocols })))

  /** A connection that the other side closed while it was idle says nothing about the receiver: once more, on a new one. */
  async function send(sending: Sending): Promise<Answer> {
    const startedAt = performance.now()
    try {
      return await postOnce(agent, sending)
    } catch (error) {
      if (error === deadlineReason || sending.signal?.aborted) throw error
      if (!isOfUsed(error) && !isClosed(error)) throw error
      const client = new Client(sending.target.origin, { connect: connector })
      try {
        const leftMs = Math.max(1, timeoutMs - (performance.now() - startedAt))
        return await postOnce(client, { ...sending, timeoutMs: leftMs })
      } finally {
        await client.destroy()
      }
    }
  }

  return {
    async post({ url, headers, body, signal }) {
      signal?.throwIfAborted()
      let host = ""
      try {
        const target = targetOf(url)
        host = target.host
        return await send({ target, headers, body, signal, timeoutMs, answerMs })
      } catch (error) {
        signal?.throwIfAborted()
        if (error === deadlineReason) {
          return { kind: "failed", code: "timeout", reason: `No answer within ${timeoutMs / 1000} s` }
        }
        const { code, message } = explain(host, error)
        return { kind: "failed", code, reason: message }
      }
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

const aim = (url: URL) => ({ origin: url.origin, path: url.pathname + url.search, host: hostOf(url) })

/** Remembers what a function gave; what it throws is found out anew. */
function knowing<Value>(most: number, find: (text: string) => Value): (text: string) => Value {
  const known = new Map<string, Value>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    const value = find(text)
    if (known.size >= most) known.clear()
    known.set(text, value)
    return value
  }
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
