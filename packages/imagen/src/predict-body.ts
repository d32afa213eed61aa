import type { Parameters } from "@kiln/contract"
import type { PaintRequest } from "@kiln/jobs"

/**
 * The body of `:predict`. One call asks for one image, as with every model: images are billed each for itself, and one
 * that failed or whose worker died is asked for again without the others.
 */
export function predictBody({
  model: { capabilities: can, system_instruction },
  prompt,
  parameters,
}: PaintRequest): object {
  const { aspect_ratio, image_size, person_generation, safety } = parameters
  const ratio = aspect_ratio && can.aspect_ratios.includes(aspect_ratio) ? aspect_ratio : undefined
  const size = image_size && can.image_sizes.includes(image_size) ? image_size : undefined
  const threshold = strictest(safety)
  return {
    // It has no place for instructions of their own.
    instances: [{ prompt: [system_instruction, prompt].filter(Boolean).join("\n\n") }],
    parameters: {
      sampleCount: 1,
      ...(ratio && { aspectRatio: ratio }),
      ...(size && { sampleImageSize: size }),
      ...(person_generation && { personGeneration: person_generation }),
      ...(threshold && { safetySetting: threshold }),
      // Without it a filtered image is not even mentioned.
      includeRaiReason: true,
      outputOptions: { mimeType: can.output_type },
    },
  }
}

const thresholds = [
  "block_low_and_above",
  "block_medium_and_above",
  "block_only_high",
  "block_none",
  "off",
] as const

/** Imagen knows one threshold for all categories: the strictest of those asked for. Nothing is less than `block_none`. */
function strictest(safety: Parameters["safety"]): string | undefined {
  const asked = Object.values(safety ?? {})
  const found = thresholds.find((threshold) => asked.includes(threshold))
  return found === "off" ? "block_none" : found
}
