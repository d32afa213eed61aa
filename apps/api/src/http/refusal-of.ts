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

/** What Express, its router and its body parser throw: errors with a status and sometimes a type. */
function refusalOfHttp(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || !("status" in error)) return undefined
  const type = "type" in error ? error.type : undefined
  if (type === "entity.parse.failed") {
    const detail = "the body is not valid JSON; it has to be one object"
    return new Refusal("invalid_request", detail, {
      errors: [{ pointer: "", code: "invalid_json", detail }],
      cause: error,
    })
  }
  switch (error.status) {
    case 400:
      return new Refusal("invalid_request", "The request could not be read", { cause: error })
    case 404:
      return new Refusal("not_found", "There is no such page", { cause: error })
    case 413:
      return new Refusal("payload_too_large", "The body is larger than 25 MB", { cause: error })
    case 415:
      return new Refusal(
        "unsupported_media_type",
        "The body has to be application/json in UTF-8, as it is or compressed with gzip, deflate or br",
        { cause: error },
      )
    default:
      return undefined
  }
}

/** The caller hung up while its body was read: nobody is there to be answered. */
export const isHangUp = (error: unknown): boolean =>
  error instanceof Error && "type" in error && error.type === "request.aborted"
