import type { Paint } from "@kiln/jobs"
import {
  createBlobFiles,
  createModelUpstream,
  decodedBody,
  isSuccess,
  readError,
  readReply,
  type UpstreamOptions,
} from "@kiln/upstream"

import { judgePredictions } from "./judge-predictions.ts"
import { predictBody } from "./predict-body.ts"

export type Imagen = AsyncDisposable & {
  /** Makes one image by `:predict`. Throws a JobFailure, or CallAborted when the signal ended it. */
  paint: Paint
}

/** Imagen's models, for gateways that still serve them. Throws an Error for a key that no header can carry. */
export function createImagen(options: UpstreamOptions): Imagen {
  const upstream = createModelUpstream(options)
  const { addressOf, maxReplyBytes, redact } = upstream
  return {
    async paint(request, { target, signal, onSent }) {
      const { url, key } = addressOf(request.model)
      url.pathname += ":predict"
      const body = Buffer.from(JSON.stringify(predictBody(request)))
      return upstream.call({ method: "POST", url, key, body, signal, onSent }, async (response) => {
        if (!isSuccess(response)) throw await readError(response, { signal, redact })
        await using files = createBlobFiles(target)
        const { json, blobs } = await readReply(decodedBody(response), { files, maxBytes: maxReplyBytes })
        const image = judgePredictions(json, blobs, redact)
        await files.keep(image.number)
        return {
          bytes: image.bytes,
          text: null,
          tokens: { input: 0, output: 0, image: 0, images: 1 },
          warnings: [],
          modelVersion: null,
          responseId: null,
        }
      })
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  }
}
