import type { JobFailure } from "@kiln/contract"
import type { Dispatcher } from "undici"

import { decodedBody } from "./decoded-body.ts"
import { failureOfError } from "./error-failure.ts"
import type { Redact } from "./redact.ts"
import { parseRpcError } from "./rpc-error.ts"

/** An error may echo a whole request; what is cut off is no longer JSON, and the status alone decides. */
const longestErrorBytes = 256 * 1024

/**
 * The failure that an answer with an error status means. A body that breaks off changes nothing, unless
 * `signal` ended it: then what the stream threw is thrown.
 */
export async function readError(
  response: Dispatcher.ResponseData,
  { signal, redact }: { signal: AbortSignal; redact: Redact },
): Promise<JobFailure> {
  const text = await readText(decodedBody(response)).catch((error: unknown) => {
    if (signal.aborted) throw error
    return ""
  })
  return failureOfError(parseRpcError(text), {
    httpStatus: response.statusCode,
    retryAfterHeader: [response.headers["retry-after"]].flat()[0],
    redact,
  })
}

export const isSuccess = ({ statusCode }: Dispatcher.ResponseData): boolean =>
  statusCode >= 200 && statusCode < 300

/** A short answer as text; what is longer is cut. */
export async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > longestErrorBytes) break
  }
  return new TextDecoder().decode(Buffer.concat(chunks))
}
