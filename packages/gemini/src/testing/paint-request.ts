import { ModelEntry, Parameters } from "@kiln/contract"
import type { PaintRequest } from "@kiln/jobs"
import type { z } from "zod"

/** A request to a model that has everything. */
export function paintRequest(
  options: {
    parameters?: z.input<typeof Parameters>
    model?: Partial<ModelEntry>
    inputs?: PaintRequest["inputs"]
  } = {},
): PaintRequest {
  return {
    model: { ...sampleModel, ...options.model },
    prompt: "A red bicycle",
    inputs: options.inputs ?? [],
    parameters: Parameters.parse(options.parameters ?? {}),
  }
}

const sampleModel = ModelEntry.parse({
  id: "sample",
  name: "Sample",
  description: "",
  group: "",
  sort_order: 0,
  api_model: "sample-image",
  capabilities: {
    generate: true,
    edit: true,
    max_input_images: 14,
    aspect_ratios: ["1:1", "16:9"],
    image_sizes: ["1K", "2K"],
    text: true,
    thinking_levels: ["minimal", "high"],
    seed: true,
    grounding: ["web", "image"],
    output_type: "image/jpeg",
  },
  prices: { input: 1, text_output: 1, image_output: 1, image_tokens: {} },
  limits: { rpm: null, ipm: null, rpd: null },
})
