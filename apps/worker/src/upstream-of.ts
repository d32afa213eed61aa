import { createHash } from "node:crypto"

import type { ModelEntry } from "@kiln/contract"

export type UpstreamOf = (model: ModelEntry) => string

/** Who answers for a model, as a name that tells no address: what one upstream signed, another does not accept. */
export const createUpstreamOf =
  (baseUrl: string): UpstreamOf =>
  ({ protocol, base_url: own = baseUrl, api_model: name }) =>
    createHash("sha256")
      .update(JSON.stringify([protocol, own, name]))
      .digest("hex")
      .slice(0, 16)
