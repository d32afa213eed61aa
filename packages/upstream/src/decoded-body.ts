import { pipeline, type Readable, type Transform } from "node:stream"
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib"

import type { Dispatcher } from "undici"

import { unusableReply } from "./unusable-reply.ts"

const decoders: ReadonlyMap<string, () => Transform> = new Map([
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
  ["deflate", createInflate],
  ["br", createBrotliDecompress],
])

/**
 * The body without its content encoding. None is offered to the upstream: a JPEG in base64 shrinks by a quarter
 * at most, which saves a moment after half a minute of waiting and costs the worker's processor. Gateways that
 * encode unasked are understood all the same.
 */
export function decodedBody({ headers, body }: Pick<Dispatcher.ResponseData, "headers" | "body">): Readable {
  const encoding = String(headers["content-encoding"] ?? "")
    .trim()
    .toLowerCase()
  if (encoding === "" || encoding === "identity") return body
  const decoder = decoders.get(encoding)?.()
  if (!decoder) throw unusableReply("The model's answer has a content encoding that is not known here")
  // Errors reach whoever reads the decoder.
  return pipeline(body, decoder, () => undefined)
}
