import { errorDetail, GoogleError } from "../google-error.ts"
import type { MessageType } from "./message.ts"
import { parseJson } from "./parse-json.ts"
import { readMessage } from "./read-message.ts"

/**
 * Parses a body and reads it as the message type.
 * @throws GoogleError 400 with every violation, joined in the message and listed as BadRequest.
 */
export function readRequest(type: MessageType, body: Buffer, version: string) {
  const { value, violations } = readMessage(type, parseJson(body), version)
  if (violations.length === 0) return value
  const message = violations.map((violation) => violation.description).join("\n")
  throw new GoogleError("INVALID_ARGUMENT", message, [
    errorDetail("BadRequest", { fieldViolations: violations }),
  ])
}
