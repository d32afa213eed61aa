import type { ModelEntry } from "@kiln/contract"
import { canonicalJson } from "@kiln/jobs"
import type { JobSpec } from "@kiln/ledger"

export type Pictured = {
  type: "generation" | "edit"
  model: ModelEntry
  prompt: string
  spec: JobSpec
  /** Keys of the input images in their order; they are named after their content. */
  inputs: readonly string[]
}

/**
 * Everything that shapes a job's pictures, as a text that is equal for equal jobs. Of what was asked only that is left
 * out which is known to change no picture, so what is new makes pictures differ until it is listed here.
 */
export function pictureFingerprint({ type, model, prompt, spec, inputs }: Pictured): string {
  const {
    prompt: _prompt,
    promptKey: _promptKey,
    template: _template,
    inputs: _inputs,
    metadata: _metadata,
    warnings: _warnings,
    cache: _cache,
    cachedFrom: _cachedFrom,
    ...shaping
  } = spec
  const { id, api_model, base_url, api_version, system_instruction } = model
  const painter = { id, api_model, base_url, api_version, system_instruction }
  return canonicalJson({ type, painter, prompt, inputs, ...shaping })
}
