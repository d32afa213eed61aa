import { GoogleError, internalError } from "../google-error.ts"
import type { GenerateRequest, Tool } from "../messages/generate-request.ts"
import type { Model } from "../models/model.ts"
import { imageParts, mimeTypesOf } from "./request-parts.ts"
import { wantedRatio, wantedSize } from "./wanted-picture.ts"

/** A rule about what a model can do; it returns the message of the 400, or another error. */
type Rule = (request: GenerateRequest, model: Model) => string | GoogleError | undefined

/** The rules in the order in which they are asked; the first complaint is the answer. */
const rules: readonly Rule[] = [
  modalityComplaint,
  aspectRatioComplaint,
  imageSizeComplaint,
  ({ generationConfig }) =>
    (generationConfig?.candidateCount ?? 1) > 1
      ? "Multiple candidates is not enabled for this model"
      : undefined,
  jsonModeComplaint,
  thinkingComplaint,
  toolComplaint,
  ({ generationConfig }, model) =>
    generationConfig?.mediaResolution !== undefined && model.refusesMediaResolution
      ? `Media resolution is not enabled for models/${model.id}`
      : undefined,
  inputTypeComplaint,
  (request, model) => {
    const most = model.image?.maxInputImages ?? 3000
    return imageParts(request).length > most
      ? `Please use fewer than ${most + 1} images in your request to models/${model.id}`
      : undefined
  },
]

/** @throws GoogleError when the model cannot do what the request asks for. */
export function checkModelRules(request: GenerateRequest, model: Model): void {
  for (const rule of rules) {
    const complaint = rule(request, model)
    if (complaint instanceof GoogleError) throw complaint
    if (complaint !== undefined) throw new GoogleError("INVALID_ARGUMENT", complaint)
  }
}

function modalityComplaint({ generationConfig }: GenerateRequest, model: Model): string | undefined {
  const able = model.image === null ? ["TEXT"] : ["TEXT", "IMAGE"]
  const missing = (generationConfig?.responseModalities ?? []).filter(
    (modality) => modality !== "MODALITY_UNSPECIFIED" && !able.includes(modality),
  )
  if (missing.length === 0) return undefined
  return `Model does not support the requested response modalities: ${missing.join(",").toLowerCase()}`
}

function aspectRatioComplaint(request: GenerateRequest, { image }: Model): string | undefined {
  const ratio = wantedRatio(request)
  if (image === null || ratio === undefined || image.ratios.includes(ratio)) return undefined
  return oneOfComplaint("aspect_ratio", image.ratios)
}

function imageSizeComplaint(request: GenerateRequest, { image }: Model): string | GoogleError | undefined {
  const size = wantedSize(request)
  if (image === null || size === undefined) return undefined
  // Not a refusal: a model without sizes was seen to fail on them.
  if (image.fixedTokens !== undefined) return internalError()
  return size in image.tokensBySize
    ? undefined
    : oneOfComplaint("image_size", Object.keys(image.tokensBySize))
}

function oneOfComplaint(field: string, values: readonly string[]): string {
  const list = values.map((value) => `'${value}'`).join(", ")
  return `* GenerateContentRequest.generation_config.image_config.${field}: ${field} must be one of ${list}\n`
}

function jsonModeComplaint({ generationConfig }: GenerateRequest, model: Model): string | undefined {
  const {
    responseMimeType = "text/plain",
    responseSchema,
    responseJsonSchema,
    _responseJsonSchema,
  } = generationConfig ?? {}
  const isJson =
    responseMimeType !== "text/plain" ||
    (responseSchema ?? responseJsonSchema ?? _responseJsonSchema) !== undefined
  return isJson && !model.hasStructuredOutput ? "JSON mode is not enabled for this model" : undefined
}

function thinkingComplaint({ generationConfig }: GenerateRequest, model: Model): string | undefined {
  const asked = generationConfig?.thinkingConfig
  if (asked === undefined) return undefined
  const { thinkingLevel, thinkingBudget, includeThoughts } = asked
  if (model.thinking === null) {
    if (thinkingLevel !== undefined) return "Thinking level is not supported for this model."
    return includeThoughts === true || (thinkingBudget ?? 0) !== 0
      ? `Thinking is not enabled for models/${model.id}`
      : undefined
  }
  if (thinkingLevel !== undefined && thinkingBudget !== undefined) {
    return "You can only set only one of thinking budget and thinking level."
  }
  if (thinkingLevel === undefined || thinkingLevel === "THINKING_LEVEL_UNSPECIFIED") return undefined
  return model.thinking.isFixed || model.thinking.levels.includes(thinkingLevel)
    ? undefined
    : `Thinking level ${thinkingLevel} is not supported for this model. Please retry with other thinking level.`
}

/** What each tool is called when a model lacks it, and which models have it. */
const toolAbilities: Record<keyof Tool, { name: string; has(model: Model): boolean }> = {
  googleSearch: { name: "Search as tool", has: (model) => model.search.length > 0 },
  googleSearchRetrieval: { name: "Search as tool", has: () => false },
  urlContext: { name: "Browse as tool", has: (model) => model.image === null },
  codeExecution: { name: "Code execution", has: (model) => model.image === null },
  functionDeclarations: { name: "Function calling", has: (model) => model.image === null },
  googleMaps: { name: "Google Maps tool", has: (model) => model.image === null },
  fileSearch: { name: "File search", has: (model) => model.image === null },
  computerUse: { name: "Computer Use", has: () => false },
  mcpServers: { name: "Remote MCP", has: () => false },
}

function toolComplaint({ tools = [] }: GenerateRequest, model: Model): string | undefined {
  for (const tool of tools) {
    for (const [field, ability] of Object.entries(toolAbilities)) {
      if (field in tool && !ability.has(model)) return `${ability.name} is not enabled for this model`
    }
    if (tool.googleSearch?.searchTypes?.imageSearch !== undefined && !model.search.includes("image")) {
      return "Image search is not enabled for this model"
    }
  }
  return undefined
}

// image/jpg is no registered type, but it is understood.
const inputTypes = new Set([
  "image/png",
  "image/jpeg",
  "image/jpg",
  "image/webp",
  "image/heic",
  "image/heif",
  "application/pdf",
  "text/plain",
])

function inputTypeComplaint(request: GenerateRequest): string | undefined {
  const refused = mimeTypesOf(request).find((mimeType) => !inputTypes.has(mimeType.toLowerCase()))
  return refused === undefined ? undefined : `Unsupported MIME type: ${refused}`
}
