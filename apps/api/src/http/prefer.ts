import type { Request, Response } from "express"

const longestWaitS = 60

/** Milliseconds that the caller is willing to wait, by `?wait=n` or `Prefer: wait=n`; says so in the answer. */
export function waitOf(req: Request, res: Response, query: { wait?: number | undefined }): number {
  const seconds = query.wait ?? preferredWait(req.headers["prefer"])
  if (seconds === 0) return 0
  res.setHeader("Preference-Applied", `wait=${seconds}`)
  return seconds * 1_000
}

/** A preference is no demand (RFC 7240): what cannot be honoured is cut short or left out, never refused. */
export function preferredWait(prefer: string | string[] | undefined): number {
  const preferences = (Array.isArray(prefer) ? prefer.join(",") : (prefer ?? "")).split(",")
  for (const preference of preferences) {
    const [, seconds] = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;|$)/i.exec(preference) ?? []
    if (seconds !== undefined) return Math.min(Number(seconds), longestWaitS)
  }
  return 0
}
