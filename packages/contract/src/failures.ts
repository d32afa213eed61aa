/** Codes of a refused request (RFC 9457 problem): nothing was created and nothing was spent. */
export const refusals = {
  invalid_request: { status: 400, title: "The request is not valid", retryable: false },
  unknown_field: { status: 400, title: "The request has a field that does not exist", retryable: false },
  unauthorized: { status: 401, title: "The API key is missing or not valid", retryable: false },
  budget_exceeded: { status: 402, title: "The budget does not allow this", retryable: false },
  forbidden: { status: 403, title: "This is not allowed with this key or link", retryable: false },
  not_found: { status: 404, title: "There is nothing here", retryable: false },
  job_terminal: { status: 409, title: "The job has already ended", retryable: false },
  job_active: { status: 409, title: "The job has not ended yet", retryable: true },
  batch_terminal: { status: 409, title: "The batch has already ended", retryable: false },
  batch_active: { status: 409, title: "The batch has not ended yet", retryable: true },
  idempotency_in_progress: {
    status: 409,
    title: "The first request with this key is still running",
    retryable: true,
  },
  job_expired: { status: 410, title: "The job was removed after its retention time", retryable: false },
  payload_too_large: { status: 413, title: "The body is too large", retryable: false },
  unsupported_media_type: { status: 415, title: "The content type is not supported", retryable: false },
  batch_invalid: { status: 422, title: "Rows of the batch are not valid", retryable: false },
  idempotency_mismatch: {
    status: 422,
    title: "The Idempotency-Key was used for another request",
    retryable: false,
  },
  rate_limited: { status: 429, title: "Too many requests", retryable: true },
  queue_full: { status: 429, title: "Too many jobs are waiting", retryable: true },
  internal: { status: 500, title: "Something went wrong here", retryable: true },
  unavailable: { status: 503, title: "The service cannot answer just now", retryable: true },
} as const satisfies Record<string, { status: number; title: string; retryable: boolean }>
export type RefusalCode = keyof typeof refusals

/** Codes of a job that ended without its images; `retryable` says whether asking again may help. */
export const jobFailures = {
  content_blocked: { retryable: false },
  no_image: { retryable: true },
  text_only: { retryable: false },
  invalid_request: { retryable: false },
  input_unreadable: { retryable: false },
  input_unreachable: { retryable: true },
  model_unavailable: { retryable: false },
  upstream_auth: { retryable: false },
  upstream_billing: { retryable: false },
  upstream_quota_exhausted: { retryable: true },
  upstream_overloaded: { retryable: true },
  upstream_timeout: { retryable: true },
  upstream_error: { retryable: true },
  storage_error: { retryable: true },
  deadline_exceeded: { retryable: true },
  budget_exceeded: { retryable: false },
  internal: { retryable: true },
} as const satisfies Record<string, { retryable: boolean }>
export type JobFailureCode = keyof typeof jobFailures

/** Whether the upstream bills for a call; `unknown` when the connection or the process died after sending. */
export type Charged = "yes" | "no" | "unknown"

/** What the upstream said, kept for the caller; never a key, never an address. */
export type UpstreamFacts = {
  status?: number | undefined
  finish_reason?: string | undefined
  block_reason?: string | undefined
  message?: string | undefined
}

/** One field that was refused; in a batch with the row in which it stands. */
export type FieldError = {
  pointer: string
  code: string
  detail: string
  line?: number | null
  custom_id?: string | null
}

type RefusalOptions = ErrorOptions & {
  retryAfterMs?: number
  errors?: readonly FieldError[]
  /** Where HTTP has a status of its own for it, such as 416; otherwise the code's. */
  status?: number
}

/** A request is refused. The API turns it into a problem document. */
export class Refusal extends Error {
  override name = "Refusal"
  readonly code: RefusalCode
  readonly retryAfterMs: number | undefined
  readonly errors: readonly FieldError[]
  readonly status: number

  constructor(code: RefusalCode, message: string, options: RefusalOptions = {}) {
    super(message, options)
    this.code = code
    this.retryAfterMs = options.retryAfterMs
    this.errors = options.errors ?? []
    this.status = options.status ?? refusals[code].status
  }
}

/** Tokens of one upstream call; `output` counts text, thinking and image together. */
export type Tokens = {
  input: number
  output: number
  image: number
  /** Images, where the upstream bills these. */
  images?: number
}

type JobFailureOptions = ErrorOptions & {
  /** How long the upstream asked to wait, in milliseconds. */
  retryAfterMs?: number | undefined
  /** A quota of the upstream is used up: until its window of a minute or a day ends, or for good. */
  quota?: "minute" | "day" | "never" | undefined
  /** Calls that this quota allows, where the upstream says so. */
  quotaLimit?: number | undefined
  charged?: Charged
  upstream?: UpstreamFacts | undefined
  /** What the call used although it gave no image. */
  tokens?: Tokens | undefined
  /** What of the request the upstream no longer accepts, where asking without it, or with it anew, can help. */
  refused?: "conversation" | "file" | undefined
  /** False where it failed before the upstream was asked for an image. */
  wasAsked?: boolean | undefined
  /** Where this failure is another case than its code's usual one: whether trying again may help. */
  retryable?: boolean | undefined
  /** A finer word than the code, told of the field that is at fault. */
  reason?: string | undefined
}

/** A step of a job failed. The retry policy decides from its fields alone, never from its message. */
export class JobFailure extends Error {
  override name = "JobFailure"
  readonly code: JobFailureCode
  readonly retryAfterMs: number | undefined
  readonly quota: "minute" | "day" | "never" | undefined
  readonly quotaLimit: number | undefined
  readonly charged: Charged
  readonly upstream: UpstreamFacts | undefined
  readonly tokens: Tokens | undefined
  readonly refused: "conversation" | "file" | undefined
  readonly wasAsked: boolean
  readonly retryable: boolean
  readonly reason: string | undefined

  constructor(code: JobFailureCode, message: string, options: JobFailureOptions = {}) {
    super(message, options)
    this.code = code
    this.retryAfterMs = options.retryAfterMs
    this.quota = options.quota
    this.quotaLimit = options.quotaLimit
    this.charged = options.charged ?? "no"
    this.upstream = options.upstream
    this.tokens = options.tokens
    this.refused = options.refused
    this.wasAsked = options.wasAsked ?? true
    this.retryable = options.retryable ?? jobFailures[code].retryable
    this.reason = options.reason
  }

  /** Any thrown value as a failure; what is not known becomes `internal` with its cause kept. */
  static from(error: unknown): JobFailure {
    return error instanceof JobFailure
      ? error
      : new JobFailure("internal", "Something unexpected went wrong", { cause: error })
  }
}
