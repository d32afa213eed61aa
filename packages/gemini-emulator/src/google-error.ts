const httpCodes = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  RESOURCE_EXHAUSTED: 429,
  INTERNAL: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
} as const

export type GoogleStatus = keyof typeof httpCodes

/** A typed detail of google.rpc.Status; the type's short name is completed to its URL. */
export type ErrorDetail = { "@type": string } & Record<string, unknown>

/** Builds a google.rpc detail such as `ErrorInfo` or `RetryInfo`. */
export function errorDetail(type: string, fields: Record<string, unknown>): ErrorDetail {
  return { "@type": `type.googleapis.com/google.rpc.${type}`, ...fields }
}

/** An error that is answered in Google's envelope, with the HTTP code that belongs to its status. */
export class GoogleError extends Error {
  override readonly name = "GoogleError"
  readonly status: GoogleStatus
  readonly details: readonly ErrorDetail[]

  constructor(status: GoogleStatus, message: string, details: readonly ErrorDetail[] = []) {
    super(message)
    this.status = status
    this.details = details
  }

  get code(): number {
    return httpCodes[this.status]
  }

  get body() {
    const { code, message, status, details } = this
    return { error: { code, message, status, ...(details.length > 0 && { details }) } }
  }
}

/** Google's words for a fault of its own; also what a size sent to a model without sizes gets. */
export function internalError(): GoogleError {
  return new GoogleError("INTERNAL", `An internal error has occurred. ${retryOrReport}`)
}

export const retryOrReport =
  "Please retry or report in https://developers.generativeai.google/guide/troubleshooting"
