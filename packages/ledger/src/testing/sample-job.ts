import { newId } from "@kiln/contract"

import type { KeptOutput, NewJob } from "../record.ts"
import type { AttemptEnd } from "../runs.ts"

/** A job as the API submits it, with changes. */
export const newJob = (change: Partial<NewJob> = {}): NewJob => ({
  id: newId("job"),
  tenant: "acme",
  key: "key_1",
  type: "generation",
  model: "m",
  requestedModel: "m",
  spec: {
    prompt: "a fox",
    promptKey: null,
    parameters: { n: 1, output_format: "png", include_text: false },
    metadata: {},
    warnings: [],
  },
  priority: "normal",
  estimateNanoUsd: null,
  notBefore: null,
  deadlineSeconds: null,
  ...change,
})

export const output: KeptOutput = {
  key: "acme/0.png",
  content_type: "image/png",
  bytes: 10,
  width: 1,
  height: 1,
  sha256: "00",
  upstream_content_type: "image/jpeg",
}

/** The end of an attempt that has kept everything. */
export const succeeded: AttemptEnd = {
  settlement: { kind: "end", status: "succeeded", outcome: "succeeded", error: null, shortfall: null },
  upstreamStatus: 200,
  charged: "yes",
  spent: { calls: 0, input: 0, output: 0, costNanoUsd: 0 },
  text: null,
  textKey: null,
  warned: [],
}
