/** Why something was not fetched; the value says whether trying again may help. */
const codes = {
  url_not_valid: false,
  protocol_not_allowed: false,
  credentials_in_url: false,
  port_not_allowed: false,
  address_not_allowed: false,
  host_not_found: false,
  connection_failed: true,
  timeout: true,
  redirect_not_allowed: false,
  too_many_redirects: false,
  status: false,
  encoding_not_supported: false,
  too_large: false,
} as const satisfies Record<string, boolean>
export type EgressErrorCode = keyof typeof codes

type EgressErrorOptions = ErrorOptions & { retryable?: boolean; status?: number }

/** Something was not fetched. The sentence names the host at most: paths and queries of others may hold secrets. */
export class EgressError extends Error {
  override name = "EgressError"
  readonly code: EgressErrorCode
  readonly retryable: boolean
  /** The HTTP status, where the code is `status`. */
  readonly status: number | undefined

  constructor(code: EgressErrorCode, message: string, options: EgressErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.retryable = options.retryable ?? codes[code]
    this.status = options.status
  }
}

/** The `code` of an error of Node or undici, such as ECONNREFUSED. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined
}
