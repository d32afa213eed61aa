const longestMs = 24 * 3_600_000

/** How long a receiver asks to be left alone, at most a day: `Retry-After` in seconds or as a date (RFC 9110). */
export function retryAfterMs(header: string | undefined, now: Date): number | undefined {
  const text = header?.trim() ?? ""
  const asked = /^\d+$/.test(text) ? Number(text) * 1_000 : dateMs(text) - now.getTime()
  return Number.isNaN(asked) ? undefined : Math.min(Math.max(0, asked), longestMs)
}

/** `Date.parse` takes much for a date that is none, such as `-5`. */
function dateMs(text: string): number {
  return /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : NaN
}
