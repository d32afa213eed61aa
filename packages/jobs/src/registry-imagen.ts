import type { ModelEntry } from "@kiln/contract"

const imagen = {
  group: "Imagen",
  aliases: [],
  protocol: "imagen",
  // Google ended them on this day and names no successor that takes the same requests.
  retires_on: "2026-08-17",
  replaced_by: null,
  limits: { rpm: null, ipm: null, rpd: null },
} as const satisfies Partial<ModelEntry>

const capabilities = {
  generate: true,
  edit: false,
  max_input_images: 0,
  aspect_ratios: ["1:1", "3:4", "4:3", "9:16", "16:9"],
  image_sizes: ["1K", "2K"],
  text: false,
  thinking_levels: [],
  seed: false,
  grounding: [],
  output_type: "image/png",
} satisfies ModelEntry["capabilities"]

/** Its images are billed, not its tokens. */
const perImage = (usd: number): ModelEntry["prices"] => ({
  input: 0,
  text_output: 0,
  image_output: 0,
  image_tokens: {},
  per_image: usd,
})

/** Imagen 4 with its last known prices, for gateways that still serve it: give the entry a `base_url` in `KILN_MODELS`. */
export const imagenModels: readonly ModelEntry[] = [
  {
    ...imagen,
    id: "imagen-4.0-generate-001",
    name: "Imagen 4",
    description:
      "The earlier line of models, from words alone; ended at Google, for gateways that still serve it.",
    sort_order: 110,
    api_model: "imagen-4.0-generate-001",
    aliases: ["imagen-4"],
    capabilities,
    prices: perImage(0.04),
  },
  {
    ...imagen,
    id: "imagen-4.0-ultra-generate-001",
    name: "Imagen 4 Ultra",
    description: "Imagen 4 with more care for the prompt; for gateways that still serve it.",
    sort_order: 120,
    api_model: "imagen-4.0-ultra-generate-001",
    aliases: ["imagen-4-ultra"],
    capabilities,
    prices: perImage(0.06),
  },
  {
    ...imagen,
    id: "imagen-4.0-fast-generate-001",
    name: "Imagen 4 Fast",
    description: "Imagen 4 in a hurry, 1K only; for gateways that still serve it.",
    sort_order: 130,
    api_model: "imagen-4.0-fast-generate-001",
    aliases: ["imagen-4-fast"],
    capabilities: { ...capabilities, image_sizes: ["1K"] },
    prices: perImage(0.02),
  },
]
