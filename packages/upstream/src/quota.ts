import type { RpcError } from "./rpc-error.ts"

/** A quota that is used up: until its window ends, or for good. */
export type Quota = "minute" | "day" | "never"

/**
 * Which quota an answer 429 speaks of, or undefined when it does not say. The quota's name decides before the
 * delay, because a used-up day carries a short retryDelay too.
 */
export function quotaOf(
  { details = [], message = "" }: RpcError,
  retryAfterMs: number | undefined,
): Quota | undefined {
  const violations = details.flatMap((detail) => detail.violations ?? [])
  if (violations.some(({ quotaValue }) => quotaValue === "0") || /\blimit: 0(?![\d.])/.test(message)) {
    return "never"
  }
  const names = violations.flatMap(({ quotaId = "", quotaMetric = "" }) => [quotaId, quotaMetric])
  const text = [...names, message].join(" ")
  if (/per[_ -]?day/i.test(text)) return "day"
  return /per[_ -]?minute/i.test(text) || retryAfterMs !== undefined ? "minute" : undefined
}

/** Requests or images that a minute allows, where the refusal says it; other quotas count tokens or days. */
export function quotaLimitOf({ details = [] }: RpcError): number | undefined {
  const values = details
    .flatMap((detail) => detail.violations ?? [])
    .filter(({ quotaId = "" }) => /(?:Requests|Images)PerMinute/i.test(quotaId))
    .map(({ quotaValue }) => Number(quotaValue))
    .filter((value) => Number.isInteger(value) && value > 0)
  return values.length === 0 ? undefined : Math.min(...values)
}
