import { JobFailure, Refusal } from "@kiln/contract"

import { isRedisAway } from "./redis-away.ts"

const unavailableMs = 2_000

/** Any thrown value as a refusal; what is not known is `internal`, with its cause kept for the log. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (isRedisAway(error)) return unavailable("Redis is away", error)
  if (error instanceof JobFailure && error.code === "storage_error")
    return unavailable("The storage is away", error)
  return refusalOfHttp(error) ?? new Refusal("internal", "Something went wrong here", { cause: error })
}

const unavailable = (why: string, cause: unknown) =>
  new Refusal("unavailable", `${why}; nothing was lost, ask again shortly`, {
    cause,
    retryAfterMs: unavailableMs,
  })

/** What Express and its router throw: errors with a status. */
function refusalOfHttp(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || !("status" in error)) return undefined
  if (error.status === 400) {
    return new Refusal("invalid_request", "The request could not be read", { cause: error })
  }
  if (error.status === 404) return new Refusal("not_found", "There is no such page", { cause: error })
  return undefined
}
