import { JobFailure, type Charged } from "@kiln/contract"

import { errorRowOf, type ErrorFacts } from "./error-rows.ts"
import { quotaLimitOf, quotaOf } from "./quota.ts"
import type { Redact } from "./redact.ts"
import { retryAfterMs } from "./retry-after.ts"
import type { RpcError } from "./rpc-error.ts"

/** google.rpc codes by name, for error objects that come without an HTTP status. */
const httpStatuses: ReadonlyMap<string, number> = new Map([
  ["INVALID_ARGUMENT", 400],
  ["FAILED_PRECONDITION", 400],
  ["OUT_OF_RANGE", 400],
  ["UNAUTHENTICATED", 401],
  ["PERMISSION_DENIED", 403],
  ["NOT_FOUND", 404],
  ["ABORTED", 409],
  ["ALREADY_EXISTS", 409],
  ["RESOURCE_EXHAUSTED", 429],
  ["CANCELLED", 499],
  ["UNIMPLEMENTED", 501],
  ["UNAVAILABLE", 503],
  ["DEADLINE_EXCEEDED", 504],
])

type ErrorFailureOptions = {
  /** An answer with 200 may still hold an error: then its own code is the status. */
  httpStatus: number
  retryAfterHeader?: string | undefined
  charged?: Charged
  redact: Redact
  now?: Date
}

/** The failure that an error of the upstream means; the upstream bills for none that has an HTTP status of its own. */
export function failureOfError(error: RpcError, options: ErrorFailureOptions): JobFailure {
  const { httpStatus, retryAfterHeader, charged = "no", redact, now = new Date() } = options
  const status = httpStatus >= 300 ? httpStatus : ownStatus(error)
  const facts: ErrorFacts = {
    status,
    rpcStatus: error.status ?? "",
    message: error.message ?? "",
    reasons: (error.details ?? []).flatMap(({ reason }) => reason ?? []),
  }
  const { code, message, refused } = errorRowOf(facts)
  const waitMs = retryAfterMs(error, retryAfterHeader, now)
  return new JobFailure(code, message, {
    charged,
    refused,
    retryAfterMs: waitMs,
    ...(code === "upstream_quota_exhausted" && {
      quota: quotaOf(error, waitMs),
      quotaLimit: quotaLimitOf(error),
    }),
    upstream: { status, message: facts.message === "" ? undefined : redact(facts.message) },
  })
}

function ownStatus({ code, status = "" }: RpcError): number {
  return code !== undefined && code >= 400 && code < 600 ? code : (httpStatuses.get(status) ?? 500)
}
