import { KilnUnreachable } from "./kiln-error.ts"
import { pause } from "./pause.ts"

export type Patience = {
  /** Tries after the first one. */
  retries: number
  /** Milliseconds until the head of an answer must be there. */
  timeoutMs: number
  /** Sending it twice does no harm: what became of a request without an answer does not matter. */
  isSafe: boolean
  signal: AbortSignal | undefined
}

const firstPauseMs = 250
const longestPauseMs = 8_000
/** A server that asks for more is believed, and not waited for. */
const longestAskedMs = 60_000

/** Nothing was done: these may be sent again whatever they ask for. */
const refusedForNow = new Set([429, 503])
const failed = new Set([500, 502, 504])

/**
 * Sends a request until it has an answer that will stay the same, honouring `Retry-After`. Throws KilnUnreachable, or
 * the reason of the caller's signal.
 */
export async function sendPatiently(
  send: (signal: AbortSignal) => Promise<Response>,
  patience: Patience,
): Promise<Response> {
  const { retries, isSafe, signal } = patience
  for (let attempt = 0; ; attempt++) {
    const isLast = attempt >= retries
    const answer = await sendOnce(send, patience)
    if (answer instanceof KilnUnreachable) {
      if (isLast || !isSafe) throw answer
      await pause(backOffMs(attempt, Math.random()), signal)
      continue
    }
    const askedMs = retryAfterMs(answer.headers.get("retry-after"), Date.now())
    const mayChange =
      refusedForNow.has(answer.status) ||
      (isSafe && (failed.has(answer.status) || (answer.status === 409 && askedMs !== undefined)))
    if (isLast || !mayChange || (askedMs ?? 0) > longestAskedMs) return answer
    await answer.body?.cancel()
    await pause(askedMs ?? backOffMs(attempt, Math.random()), signal)
  }
}

async function sendOnce(
  send: (signal: AbortSignal) => Promise<Response>,
  { timeoutMs, signal }: Patience,
): Promise<Response | KilnUnreachable> {
  signal?.throwIfAborted()
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), timeoutMs)
  try {
    return await send(signal ? AbortSignal.any([signal, late.signal]) : late.signal)
  } catch (cause) {
    signal?.throwIfAborted()
    const why = late.signal.aborted ? `no answer within ${timeoutMs / 1_000} s` : reasonOf(cause)
    return new KilnUnreachable(why, { cause })
  } finally {
    clearTimeout(timer)
  }
}

/** `fetch` says no more than that it failed; its cause says why. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  if (typeof cause === "object" && cause !== null) {
    if ("message" in cause && typeof cause.message === "string" && cause.message !== "") return cause.message
    if ("code" in cause && typeof cause.code === "string") return cause.code
  }
  return "no answer"
}

/** `random` from 0 to 1: callers that failed together do not come back together. */
export const backOffMs = (attempt: number, random: number): number =>
  Math.min(longestPauseMs, firstPauseMs * 2 ** attempt) * (0.5 + random / 2)

/** Seconds or a date (RFC 9110). */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null || header.trim() === "") return undefined
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
