import type { EnumType } from "../schema/message.ts"

// Values stand at their protobuf numbers; `prefixed` spells the common prefix once.
function prefixed(prefix: string, ...names: string[]): string[] {
  return names.map((name) => prefix + name)
}

export const modality: EnumType = {
  enum: "GenerationConfig.Modality",
  values: ["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO"],
  isCaseTolerant: true,
}

export const thinkingLevel: EnumType = {
  enum: "ThinkingConfig.ThinkingLevel",
  values: ["THINKING_LEVEL_UNSPECIFIED", "LOW", "MEDIUM", "HIGH", "MINIMAL"],
  isCaseTolerant: true,
}

export const mediaResolution: EnumType = {
  enum: "GenerationConfig.MediaResolution",
  values: prefixed("MEDIA_RESOLUTION_", "UNSPECIFIED", "LOW", "MEDIUM", "HIGH"),
}

export const partMediaResolutionLevel: EnumType = {
  enum: "PartMediaResolution.Level",
  values: [...mediaResolution.values, "MEDIA_RESOLUTION_ULTRA_HIGH"],
}

const palmHarms = ["UNSPECIFIED", "DEROGATORY", "TOXICITY", "VIOLENCE", "SEXUAL", "MEDICAL", "DANGEROUS"]
const geminiHarms = ["HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY"]

export const harmCategory: EnumType = {
  enum: "HarmCategory",
  values: prefixed("HARM_CATEGORY_", ...palmHarms, ...geminiHarms),
}

export const harmBlockThreshold: EnumType = {
  enum: "SafetySetting.HarmBlockThreshold",
  values: [
    "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
    ...prefixed("BLOCK_", "LOW_AND_ABOVE", "MEDIUM_AND_ABOVE", "ONLY_HIGH", "NONE"),
    "OFF",
  ],
}

export const functionCallingMode: EnumType = {
  enum: "FunctionCallingConfig.Mode",
  values: ["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"],
}

export const serviceTier: EnumType = {
  enum: "ServiceTier",
  values: ["unspecified", "standard", "flex", "priority"],
}

/** The ratio names of `responseFormat`, each with the ratio that `imageConfig` would spell. */
export const namedRatios = new Map([
  ["ASPECT_RATIO_UNSPECIFIED", undefined],
  ["ASPECT_RATIO_ONE_BY_ONE", "1:1"],
  ["ASPECT_RATIO_TWO_BY_THREE", "2:3"],
  ["ASPECT_RATIO_THREE_BY_TWO", "3:2"],
  ["ASPECT_RATIO_THREE_BY_FOUR", "3:4"],
  ["ASPECT_RATIO_FOUR_BY_THREE", "4:3"],
  ["ASPECT_RATIO_FOUR_BY_FIVE", "4:5"],
  ["ASPECT_RATIO_FIVE_BY_FOUR", "5:4"],
  ["ASPECT_RATIO_NINE_BY_SIXTEEN", "9:16"],
  ["ASPECT_RATIO_SIXTEEN_BY_NINE", "16:9"],
  ["ASPECT_RATIO_TWENTY_ONE_BY_NINE", "21:9"],
  ["ASPECT_RATIO_ONE_BY_EIGHT", "1:8"],
  ["ASPECT_RATIO_EIGHT_BY_ONE", "8:1"],
  ["ASPECT_RATIO_ONE_BY_FOUR", "1:4"],
  ["ASPECT_RATIO_FOUR_BY_ONE", "4:1"],
])

/** The size names of `responseFormat`, each with the size that `imageConfig` would spell. */
export const namedSizes = new Map([
  ["IMAGE_SIZE_UNSPECIFIED", undefined],
  ["IMAGE_SIZE_FIVE_TWELVE", "512"],
  ["IMAGE_SIZE_ONE_K", "1K"],
  ["IMAGE_SIZE_TWO_K", "2K"],
  ["IMAGE_SIZE_FOUR_K", "4K"],
])

export const aspectRatio: EnumType = {
  enum: "ImageResponseFormat.AspectRatio",
  values: [...namedRatios.keys()],
}
export const imageSize: EnumType = { enum: "ImageResponseFormat.ImageSize", values: [...namedSizes.keys()] }
export const imageMimeType: EnumType = {
  enum: "ImageResponseFormat.MimeType",
  values: ["MIME_TYPE_UNSPECIFIED", "IMAGE_JPEG"],
}
export const delivery: EnumType = {
  enum: "ImageResponseFormat.Delivery",
  values: ["DELIVERY_UNSPECIFIED", "INLINE", "URI"],
}
