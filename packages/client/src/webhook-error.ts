/** Why a webhook is not trusted. */
export type WebhookErrorCode =
  /** `webhook-id`, `webhook-timestamp` or `webhook-signature` is absent or has a wrong form. */
  | "header_missing"
  /** The body was parsed, or read, before it could be checked. */
  | "body_not_raw"
  /** The body is no event. */
  | "body_not_valid"
  /** A secret is not `whsec_` and base64. */
  | "secret_not_valid"
  /** No signature fits: another secret, or a body that was changed on its way. */
  | "signature_not_valid"
  /** Sent longer ago, or later, than is tolerated: a repetition, or a clock that is wrong. */
  | "timestamp_too_old"
  | "timestamp_too_new"

/** A request is no webhook of yours. Answer it with 400; the sentence holds no secret. */
export class WebhookError extends Error {
  override name = "WebhookError"
  readonly code: WebhookErrorCode

  constructor(code: WebhookErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
