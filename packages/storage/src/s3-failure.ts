import { JobFailure } from "@kiln/contract"

import { codeOf, storageFailure } from "./storage-failure.ts"

/** A failed operation in one sentence. The SDK's own error carries requests and signed strings, so only its words are kept. */
export function s3Failure(bucket: string, operation: string, error: unknown): JobFailure {
  const status = statusOf(error)
  const reason = [nameOf(error), codeOf(error), status].filter((part) => part !== undefined)
  const cause =
    error instanceof Error ? Object.assign(new Error(error.message), { name: error.name }) : undefined
  return storageFailure(
    `S3 bucket ${bucket} failed at ${operation} (${[...new Set(reason)].join(", ")})`,
    cause,
  )
}

export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("$metadata" in error)) return undefined
  const { httpStatusCode } = error.$metadata as { httpStatusCode?: number }
  return httpStatusCode
}

/** There is no such object; without a body (HEAD) a missing bucket looks the same. */
export function isMissing(error: unknown): boolean {
  const name = nameOf(error)
  return name === "NoSuchKey" || name === "NotFound"
}

/** No answer at all, or one that says: later. */
export function isPassing(error: unknown): boolean {
  if (error instanceof JobFailure) return false
  const status = statusOf(error)
  return status === undefined || status >= 500 || status === 429 || nameOf(error) === "RequestTimeout"
}

function nameOf(error: unknown): string | undefined {
  return error instanceof Error ? error.name : undefined
}
