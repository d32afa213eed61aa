import { Refusal } from "@kiln/contract"

const unitSeconds = { s: 1, m: 60, h: 3_600, d: 86_400 } as const

/**
 * The body with the deadline that the header `Cancel-After` (`90s`, `5m`, `2h`) asks for. Throws `invalid_request`
 * when the header is not such a time or disagrees with the body.
 */
export function withCancelAfter(body: unknown, header: string | string[] | undefined): unknown {
  if (header === undefined || typeof body !== "object" || body === null) return body
  const seconds = secondsOf(String(header))
  const own = "deadline_seconds" in body ? body.deadline_seconds : undefined
  if (own !== undefined && own !== seconds) {
    throw wrong(`the header Cancel-After says ${seconds} seconds; give one of the two`)
  }
  return { ...body, deadline_seconds: seconds }
}

function secondsOf(header: string): number {
  const [, amount, unit] = /^\s*(\d{1,9})\s*([smhd])\s*$/.exec(header) ?? []
  if (amount === undefined || unit === undefined) {
    throw wrong("the header Cancel-After has to be a whole number and one of s, m, h, d, like 90s or 5m")
  }
  return Number(amount) * unitSeconds[unit as keyof typeof unitSeconds]
}

const wrong = (detail: string) =>
  new Refusal("invalid_request", detail, {
    errors: [{ pointer: "/deadline_seconds", code: "invalid_header", detail }],
  })
