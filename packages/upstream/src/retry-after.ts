import type { RpcError } from "./rpc-error.ts"

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }
const longestMs = 24 * 3_600_000

/**
 * How long the upstream asks to wait, in milliseconds and at most a day: RetryInfo, else the sentence in the
 * message, else the Retry-After header in seconds or as a date.
 */
export function retryAfterMs(
  { details = [], message = "" }: RpcError,
  header: string | undefined,
  now: Date,
): number | undefined {
  const delay = details.find(({ retryDelay }) => retryDelay !== undefined)?.retryDelay
  const sentence = /retry in ((?:\d+(?:\.\d+)?(?:ms|h|m|s))+)/i.exec(message)?.[1]
  const asked = durationMs(delay) ?? durationMs(sentence) ?? headerMs(header, now)
  return asked === undefined ? undefined : Math.min(Math.max(0, Math.ceil(asked)), longestMs)
}

/** A protobuf duration (`34.4s`) or one of Go (`1m3.2s`, `512ms`). */
function durationMs(text: string | undefined): number | undefined {
  if (!text || !/^(?:\d+(?:\.\d+)?(?:ms|h|m|s))+$/.test(text)) return undefined
  const terms = text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)
  return terms.reduce((sum, [, value, unit]) => sum + Number(value) * (unitMs[unit ?? ""] ?? 0), 0)
}

function headerMs(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined
  if (/^\s*\d+(?:\.\d+)?\s*$/.test(header)) return Number(header) * 1_000
  const at = Date.parse(header)
  return Number.isNaN(at) ? undefined : at - now.getTime()
}
