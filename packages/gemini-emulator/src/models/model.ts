import type { PixelTable } from "./pixel-sizes.ts"

/** What an image model can paint. */
type ImageAbility = {
  ratios: readonly string[]
  /** Tokens an image costs, by size; empty for a model that knows no sizes. */
  tokensBySize: Readonly<Record<string, number>>
  /** Tokens an image costs where the model knows no sizes. */
  fixedTokens?: number
  pixels: PixelTable
  mimeType: "image/jpeg" | "image/png"
  maxInputImages: number
}

export type Model = {
  id: string
  displayName: string
  version: string
  inputTokenLimit: number
  outputTokenLimit: number
  /** Null: a text model. */
  image: ImageAbility | null
  /** Null: the model does not think. `isFixed`: it always thinks and ignores the level. */
  thinking: { levels: readonly string[]; standard: string; isFixed?: true } | null
  search: readonly ("web" | "image")[]
  /** Text models only: image models refuse JSON mode and function calling. */
  hasStructuredOutput: boolean
  refusesMediaResolution?: true
  tokensPerInputImage: number
  sendsCreateTime?: true
}

const tenRatios = "1:1 2:3 3:2 3:4 4:3 4:5 5:4 9:16 16:9 21:9".split(" ")
const fourteenRatios = "1:1 1:4 1:8 2:3 3:2 3:4 4:1 4:3 4:5 5:4 8:1 9:16 16:9 21:9".split(" ")

const gemini3 = { mimeType: "image/jpeg", pixels: "multiples", maxInputImages: 14 } as const

/** The models that answer, in the order in which they are listed. */
export const models: readonly Model[] = [
  {
    id: "gemini-2.5-flash-image",
    displayName: "Nano Banana",
    version: "2.0",
    inputTokenLimit: 32_768,
    outputTokenLimit: 32_768,
    image: {
      ratios: tenRatios,
      tokensBySize: {},
      fixedTokens: 1290,
      pixels: "fixed",
      mimeType: "image/png",
      maxInputImages: 3,
    },
    thinking: null,
    search: [],
    hasStructuredOutput: false,
    tokensPerInputImage: 258,
  },
  {
    id: "gemini-3.1-flash-lite-image",
    displayName: "Nano Banana 2 Lite",
    version: "3.1",
    inputTokenLimit: 65_536,
    outputTokenLimit: 32_768,
    image: { ...gemini3, ratios: fourteenRatios, tokensBySize: { "1K": 1120 } },
    thinking: { levels: ["MINIMAL", "HIGH"], standard: "MINIMAL" },
    search: [],
    hasStructuredOutput: false,
    tokensPerInputImage: 1120,
    sendsCreateTime: true,
  },
  {
    id: "gemini-3-pro-image",
    displayName: "Nano Banana Pro",
    version: "3.0",
    inputTokenLimit: 65_536,
    outputTokenLimit: 32_768,
    image: { ...gemini3, ratios: tenRatios, tokensBySize: { "1K": 1120, "2K": 1120, "4K": 2000 } },
    thinking: { levels: ["MINIMAL", "LOW", "MEDIUM", "HIGH"], standard: "HIGH", isFixed: true },
    search: ["web"],
    hasStructuredOutput: false,
    refusesMediaResolution: true,
    tokensPerInputImage: 1120,
  },
  {
    id: "gemini-3.1-flash-image",
    displayName: "Nano Banana 2",
    version: "3.1",
    inputTokenLimit: 131_072,
    outputTokenLimit: 32_768,
    image: {
      ...gemini3,
      ratios: fourteenRatios,
      tokensBySize: { "512": 747, "1K": 1120, "2K": 1680, "4K": 2520 },
    },
    thinking: { levels: ["MINIMAL", "HIGH"], standard: "MINIMAL" },
    search: ["web", "image"],
    hasStructuredOutput: false,
    tokensPerInputImage: 1120,
    sendsCreateTime: true,
  },
  {
    id: "gemini-nano-banana-2.1",
    displayName: "Nano Banana 2.1",
    version: "2.1",
    inputTokenLimit: 131_072,
    outputTokenLimit: 32_768,
    image: {
      ...gemini3,
      ratios: fourteenRatios,
      pixels: "multiples with deviations",
      tokensBySize: { "1K": 1120, "2K": 1680, "4K": 3780 },
    },
    thinking: { levels: ["MINIMAL", "MEDIUM", "HIGH"], standard: "MEDIUM" },
    search: ["web", "image"],
    hasStructuredOutput: false,
    tokensPerInputImage: 1120,
  },
  {
    id: "gemini-3.8-flash",
    displayName: "Gemini 3.8 Flash",
    version: "3.8",
    inputTokenLimit: 1_048_576,
    outputTokenLimit: 65_536,
    image: null,
    thinking: { levels: ["LOW", "MEDIUM", "HIGH"], standard: "MEDIUM" },
    search: ["web"],
    hasStructuredOutput: true,
    tokensPerInputImage: 1120,
  },
]

/** Other names of living models. */
export const aliases: Readonly<Record<string, string>> = { "nano-banana-pro-preview": "gemini-3-pro-image" }

/** Ids that were switched off and say so; ids older than these are simply not found. */
export const retiredModels: readonly string[] = [
  "gemini-2.5-flash-image-preview",
  "gemini-3-pro-image-preview",
  "gemini-3.1-flash-image-preview",
]
