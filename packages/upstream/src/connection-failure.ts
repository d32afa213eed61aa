import { JobFailure } from "@kiln/contract"

import type { Redact } from "./redact.ts"

type ConnectionOptions = { wasSent: boolean; redact: Redact }

/** A call that ended without an answer because of the network; it may be billed once it was sent. */
export function connectionFailure(error: unknown, { wasSent, redact }: ConnectionOptions): JobFailure {
  const message = wasSent
    ? "The connection to the upstream broke before the answer was complete"
    : "The upstream could not be reached"
  return new JobFailure("upstream_error", message, {
    charged: wasSent ? "unknown" : "no",
    cause: safeCause(error, redact),
  })
}

/** Only name, code and message: the client's own errors may carry raw pieces of the answer. */
function safeCause(error: unknown, redact: Redact): Error {
  if (!(error instanceof Error)) return new Error(redact(String(error)))
  const code = "code" in error && typeof error.code === "string" ? ` (${error.code})` : ""
  return new Error(redact(`${error.name}${code}: ${error.message}`))
}
