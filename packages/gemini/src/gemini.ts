import { JobFailure, type ModelEntry } from "@kiln/contract"
import type { Paint, Painted, PaintInput, PaintOptions, PaintRequest, UploadedFiles } from "@kiln/jobs"
import {
  createBlobFiles,
  createModelUpstream,
  decodedBody,
  isSuccess,
  readError,
  readReply,
  type Blob,
  type Redact,
  type UpstreamOptions,
} from "@kiln/upstream"
import type { Dispatcher } from "undici"

import { createFiles } from "./files.ts"
import { contentOf, judgeReply, textOf } from "./judge-reply.ts"
import { keptReply } from "./kept-reply.ts"
import { parseReply } from "./reply.ts"
import { plainBody, requestBody } from "./request-body.ts"
import { tokensOf } from "./tokens.ts"

export type GeminiOptions = UpstreamOptions & {
  /** Remembers uploads across processes; without it an image above the inline limit is uploaded for each call. */
  uploaded?: UploadedFiles
}

export type Gemini = AsyncDisposable & {
  /** Makes one image by generateContent. Throws a JobFailure, or CallAborted when the signal ended it. */
  paint: Paint
  /** Whether the upstream still knows the model; costs nothing. Throws like `paint`. */
  probe: (model: ModelEntry, signal: AbortSignal) => Promise<"served" | "gone">
}

/** The Gemini API's image models over one pool of connections. Throws an Error for a key that no header can carry. */
export function createGemini(options: GeminiOptions): Gemini {
  const upstream = createModelUpstream(options)
  const { addressOf, maxReplyBytes, redact } = upstream
  const files = createFiles({ upstream, redact, uploaded: options.uploaded ?? nothingUploaded })

  /** Calls once with each image where it is; an upstream that lost its files is given them anew, once. */
  async function generate(
    request: PaintRequest,
    { signal, onSent }: Pick<PaintOptions, "signal" | "onSent">,
    read: (response: Dispatcher.ResponseData) => Promise<Painted>,
  ): Promise<Painted> {
    const { url, key, ...endpoint } = addressOf(request.model)
    url.pathname += ":generateContent"
    const refused = new Set<string>()
    for (;;) {
      const used = new Set<string>()
      const place = async (image: PaintInput) => {
        const uri = await files.uriOf(image, { ...endpoint, key }, { signal, refused })
        used.add(uri)
        return uri
      }
      const isPlain = request.inputs.length === 0 && !request.history?.length
      const body = isPlain ? plainBody(request) : await requestBody(request, place)
      try {
        return await upstream.call({ method: "POST", url, key, body, signal, onSent }, read)
      } catch (error) {
        const isLost = error instanceof JobFailure && error.refused === "file"
        if (!isLost || used.size === 0 || refused.size > 0) throw error
        for (const uri of used) refused.add(uri)
      }
    }
  }

  return {
    async paint(request, { target, signal, keepReply = false, onSent }) {
      return generate(request, { signal, onSent }, async (response) => {
        if (!isSuccess(response)) throw await readError(response, { signal, redact })
        return receive(response, { target, keepReply, maxReplyBytes, redact })
      })
    },
    async probe(model, signal) {
      const { url, key } = addressOf(model)
      return upstream.call({ method: "GET", url, key, signal }, async (response) => {
        if (isSuccess(response)) return "served"
        const failure = await readError(response, { signal, redact })
        if (isAboutModel(failure, model.api_model)) return "gone"
        throw failure
      })
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  }
}

/** A gateway that lacks this method answers 404 as well, but does not speak of the model. */
const isAboutModel = ({ code, upstream }: JobFailure, apiModel: string): boolean =>
  code === "model_unavailable" && ` ${upstream?.message}`.includes(` models/${apiModel}`)

const nothingUploaded: UploadedFiles = { find: async () => undefined, remember: async () => {} }

type ReceiveOptions = { target: string; keepReply: boolean; maxReplyBytes: number; redact: Redact }

async function receive(
  response: Dispatcher.ResponseData,
  { target, keepReply, maxReplyBytes, redact }: ReceiveOptions,
): Promise<Painted> {
  await using files = createBlobFiles(target)
  const { json, blobs } = await readReply(decodedBody(response), { files, maxBytes: maxReplyBytes })
  const reply = parseReply(json)
  const { image, warnings } = judgeReply(reply, blobs, redact)
  const pathOf = ({ number }: Blob) => (number === image.number ? target : `${target}.${number}`)
  const kept = keepReply ? keptReply(reply, { blobs, pathOf }) : undefined
  await files.keep(image.number, { withOthers: kept !== undefined })
  return {
    bytes: image.bytes,
    text: textOf(reply.parts),
    content: contentOf(reply.parts, image),
    ...(kept && { reply: kept }),
    tokens: tokensOf(reply.usageMetadata ?? {}, { hasImage: true }),
    warnings,
    modelVersion: reply.modelVersion ?? null,
    responseId: reply.responseId ?? null,
  }
}
