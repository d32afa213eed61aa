import type { JobFailureCode } from "@kiln/contract"

/** What an error is recognised by. */
export type ErrorFacts = { status: number; rpcStatus: string; message: string; reasons: readonly string[] }
type Row = {
  code: JobFailureCode
  message: string
  refused?: "conversation" | "file"
  fits: (facts: ErrorFacts) => boolean
}

const billingReasons = new Set(["BILLING_DISABLED", "BILLING_NOT_ENABLED"])
const authReasons = /^(?:API_KEY_|SERVICE_DISABLED$|ACCESS_TOKEN_|CREDENTIALS_MISSING$|CONSUMER_)/
const timeouts = new Set([408, 504, 524])
const badRequests = new Set([400, 413, 422])

/** Every error of the upstream; the first row that fits is it. Reasons come before messages, which change. */
const rows: readonly Row[] = [
  {
    code: "upstream_billing",
    message: "The upstream account has no credit left",
    fits: ({ status, rpcStatus, message, reasons }) =>
      status === 402 ||
      reasons.some((reason) => billingReasons.has(reason)) ||
      ((status === 429 || rpcStatus === "RESOURCE_EXHAUSTED") &&
        /prepay|prepaid|credits are depleted|spending (?:cap|limit)/i.test(message)),
  },
  {
    code: "upstream_auth",
    message: "The upstream does not accept the configured API key",
    fits: ({ reasons, message, status }) =>
      reasons.some((reason) => authReasons.test(reason)) ||
      (status === 400 && /api key (?:not valid|not found|expired|invalid)/i.test(message)),
  },
  {
    code: "upstream_auth",
    message: "The upstream does not serve the location of this deployment",
    fits: ({ status, message }) => status === 400 && /location is not supported/i.test(message),
  },
  {
    code: "input_unreadable",
    message: "The upstream no longer has an input file",
    refused: "file",
    fits: ({ status, message }) =>
      (status === 403 && /permission to access the File/i.test(message)) ||
      (status === 404 && /\bfiles?\b/i.test(message)),
  },
  {
    code: "upstream_auth",
    message: "The upstream refuses the configured API key",
    fits: ({ status }) => status === 401 || status === 403,
  },
  {
    code: "upstream_quota_exhausted",
    message: "The upstream's quota is used up",
    fits: ({ status, rpcStatus }) => status === 429 || rpcStatus === "RESOURCE_EXHAUSTED",
  },
  {
    code: "model_unavailable",
    message: "The upstream no longer serves this model",
    fits: ({ status }) => status === 404 || status === 410,
  },
  {
    code: "upstream_timeout",
    message: "The upstream did not finish in its time",
    fits: ({ status, rpcStatus }) => timeouts.has(status) || rpcStatus === "DEADLINE_EXCEEDED",
  },
  {
    code: "input_unreachable",
    message: "An input file is not ready at the upstream",
    fits: ({ status, message }) => status === 400 && /is not in an ACTIVE state/i.test(message),
  },
  {
    code: "input_unreadable",
    message: "The upstream cannot read an input image",
    fits: ({ status, message }) =>
      status === 400 &&
      /unable to process input image|provided image is not valid|unsupported mime type/i.test(message),
  },
  {
    code: "invalid_request",
    message: "The upstream does not accept the conversation's earlier answers",
    refused: "conversation",
    fits: ({ status, message }) => status === 400 && /thought[_ ]signature/i.test(message),
  },
  {
    code: "invalid_request",
    message: "The upstream does not accept the request",
    fits: ({ status }) => badRequests.has(status),
  },
  {
    code: "upstream_overloaded",
    message: "The upstream is overloaded",
    fits: ({ status, message }) =>
      status === 503 || status === 529 || (status >= 500 && /overloaded|high demand/i.test(message)),
  },
]
const otherwise = { code: "upstream_error", message: "The upstream failed" } as const

export const errorRowOf = (facts: ErrorFacts): Pick<Row, "code" | "message" | "refused"> =>
  rows.find((row) => row.fits(facts)) ?? otherwise
