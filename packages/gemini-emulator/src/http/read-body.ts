import type { IncomingMessage } from "node:http"

import { GoogleError } from "../google-error.ts"

/**
 * Reads a request's body. One that is too large is read to its end all the same, so that the client gets to see the
 * refusal in place of a broken connection.
 * @throws GoogleError 400 beyond the limit.
 */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let received = 0
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk)
    received += bytes.length
    if (received <= limitBytes) chunks.push(bytes)
    else chunks.length = 0
  }
  if (received <= limitBytes) return Buffer.concat(chunks)
  const message = `Request payload size exceeds the limit: ${limitBytes} bytes.`
  throw new GoogleError("INVALID_ARGUMENT", message)
}
