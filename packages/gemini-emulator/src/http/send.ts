import { GoogleError } from "../google-error.ts"
import type { Reply } from "../scenarios/scenario.ts"
import { queryOf, type Visit } from "./visit.ts"

export const jsonType = "application/json; charset=UTF-8"

/** JSON as Google prints it: indented unless `prettyPrint=false`. */
export function printJson(visit: Visit, value: unknown): string {
  return queryOf(visit, "prettyPrint") === "false" ? JSON.stringify(value) : JSON.stringify(value, null, 2)
}

/** Sends a whole answer and notes its status. */
export function sendReply({ call, response }: Visit, { status, contentType, body }: Reply): void {
  call.status = status
  const bytes = Buffer.from(body)
  response
    .status(status)
    .set({ "content-type": contentType, "content-length": String(bytes.length) })
    .end(bytes)
}

export function sendJson(visit: Visit, value: unknown, status = 200): void {
  sendReply(visit, { status, contentType: jsonType, body: printJson(visit, value) })
}

/** Sends an error in Google's envelope; in a list where a stream without SSE was asked for. */
export function sendError(visit: Visit, error: GoogleError): void {
  const isPlainStream = visit.params["method"] === "streamGenerateContent" && queryOf(visit, "alt") !== "sse"
  sendJson(visit, isPlainStream ? [error.body] : error.body, error.code)
}
