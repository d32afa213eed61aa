import { JobFailure, type ModelEntry } from "@kiln/contract"

import { modelUrl } from "./model-url.ts"
import { createRedactor, type Redact } from "./redact.ts"
import { createUpstream, type Upstream } from "./upstream.ts"

export type UpstreamOptions = {
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

/** Where a model is served, and with which key. */
export type ModelAddress = { url: URL; key: string; baseUrl: string; apiVersion: string }

export type ModelUpstream = Upstream & {
  maxReplyBytes: number
  redact: Redact
  /** Throws `upstream_auth` for a model without a key. */
  addressOf: (model: ModelEntry) => ModelAddress
}

const defaultMaxConnections = 256
const defaultMaxReplyBytes = 128 * 1024 * 1024

/** The models' upstream over one pool of connections. Throws an Error for a key that no header can carry. */
export function createModelUpstream(options: UpstreamOptions): ModelUpstream {
  const { apiKey, modelKeys = {}, timeoutMs, maxConnections = defaultMaxConnections } = options
  const keys = [apiKey, ...Object.values(modelKeys)]
  if (keys.some((key) => !/^[\x21-\x7e]*$/.test(key))) {
    throw new Error("An API key of the upstream has blanks or characters that a header cannot carry")
  }
  const redact = createRedactor(keys)
  return {
    ...createUpstream({ timeoutMs, maxConnections, redact }),
    maxReplyBytes: options.maxReplyBytes ?? defaultMaxReplyBytes,
    redact,
    addressOf(model) {
      const key = Object.hasOwn(modelKeys, model.id) ? modelKeys[model.id] : apiKey
      if (!key) throw new JobFailure("upstream_auth", `No API key is configured for ${model.id}`)
      const { base_url: baseUrl = options.baseUrl, api_version: apiVersion = options.apiVersion } = model
      return { baseUrl, apiVersion, url: modelUrl({ baseUrl, apiVersion, apiModel: model.api_model }), key }
    },
  }
}
