import { JobFailure, type ModelEntry } from "@kiln/contract"
import type { Paint, Painted } from "@kiln/jobs"
import type { Dispatcher } from "undici"

import { createBlobFiles } from "./blob-files.ts"
import { decodedBody } from "./decoded-body.ts"
import { judgeReply, textOf } from "./judge-reply.ts"
import { modelUrl } from "./model-url.ts"
import { readError } from "./read-error.ts"
import { createRedactor, type Redact } from "./redact.ts"
import { readReply } from "./reply-stream.ts"
import { parseReply } from "./reply.ts"
import { plainBody, streamedBody } from "./request-body.ts"
import { tokensOf } from "./tokens.ts"
import { createUpstream } from "./upstream.ts"

export type GeminiOptions = {
  /** Used for every model that `modelKeys` does not name; empty when each model has its own. */
  apiKey: string
  /** Where models are served that name no address of their own; also a gateway's, with its path. */
  baseUrl: string
  /** `v1beta`, which takes imageConfig; empty for gateways without a version in their paths. */
  apiVersion: string
  /** Of a whole call, to the last byte and with the wait for a connection; a 4K image takes more than two minutes. */
  timeoutMs: number
  /** Calls in flight to one origin; more wait for a connection. */
  maxConnections?: number
  maxReplyBytes?: number
  /** Keys by the id of their model. */
  modelKeys?: Readonly<Record<string, string>>
}

export type Gemini = AsyncDisposable & {
  /** Makes one image by generateContent. Throws a JobFailure, or CallAborted when the signal ended it. */
  paint: Paint
  /** Whether the upstream still knows the model; costs nothing. Throws like `paint`. */
  probe(model: ModelEntry, signal: AbortSignal): Promise<"served" | "gone">
}

const defaultMaxConnections = 256
const defaultMaxReplyBytes = 128 * 1024 * 1024

/** The Gemini API's image models over one pool of connections. Throws an Error for a key that no header can carry. */
export function createGemini(options: GeminiOptions): Gemini {
  const { apiKey, modelKeys = {}, maxReplyBytes = defaultMaxReplyBytes } = options
  const keys = [apiKey, ...Object.values(modelKeys)]
  if (keys.some((key) => !/^[\x21-\x7e]*$/.test(key))) {
    throw new Error("A Gemini API key has blanks or characters that a header cannot carry")
  }
  const redact = createRedactor(keys)
  const { timeoutMs, maxConnections = defaultMaxConnections } = options
  const upstream = createUpstream({ timeoutMs, maxConnections, redact })

  function addressOf(model: ModelEntry): { url: URL; key: string } {
    const key = Object.hasOwn(modelKeys, model.id) ? modelKeys[model.id] : apiKey
    if (!key) throw new JobFailure("upstream_auth", `No API key is configured for ${model.id}`)
    const { base_url: baseUrl = options.baseUrl, api_version: apiVersion = options.apiVersion } = model
    return { url: modelUrl({ baseUrl, apiVersion, apiModel: model.api_model }), key }
  }

  return {
    async paint(request, { target, signal }) {
      const { url, key } = addressOf(request.model)
      url.pathname += ":generateContent"
      const body = request.inputs.length === 0 ? plainBody(request) : await streamedBody(request)
      const call = { method: "POST", url, key, body, signal } as const
      return upstream.call(call, async (response) => {
        if (!isSuccess(response)) throw await readError(response, { signal, redact })
        return receive(response, { target, maxReplyBytes, redact })
      })
    },
    async probe(model, signal) {
      return upstream.call({ method: "GET", ...addressOf(model), signal }, async (response) => {
        if (isSuccess(response)) return "served"
        if (response.statusCode === 404) return "gone"
        throw await readError(response, { signal, redact })
      })
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  }
}

const isSuccess = ({ statusCode }: Dispatcher.ResponseData) => statusCode >= 200 && statusCode < 300

type ReceiveOptions = { target: string; maxReplyBytes: number; redact: Redact }

async function receive(
  response: Dispatcher.ResponseData,
  { target, maxReplyBytes, redact }: ReceiveOptions,
): Promise<Painted> {
  await using files = createBlobFiles(target)
  const { json, blobs } = await readReply(decodedBody(response), { files, maxBytes: maxReplyBytes })
  const reply = parseReply(json)
  const { image, warnings } = judgeReply(reply, blobs, redact)
  await files.keep(image.number)
  return {
    bytes: image.bytes,
    text: textOf(reply.parts),
    tokens: tokensOf(reply.usageMetadata ?? {}, { hasImage: true }),
    warnings,
    modelVersion: reply.modelVersion ?? null,
    responseId: reply.responseId ?? null,
  }
}
