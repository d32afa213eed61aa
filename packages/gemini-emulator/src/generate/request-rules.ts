import { partDataFields } from "../messages/content.ts"
import type { Content, GenerateRequest } from "../messages/generate-request.ts"

/** A rule about a request's values; it returns its complaints, worded without the leading bullet. */
type Rule = (request: GenerateRequest) => string[]

/** The rules that hold for every model. Complaints name the field by its full path. */
const rules: readonly Rule[] = [
  ({ contents = [] }) => (contents.length === 0 ? ["contents: contents is not specified"] : []),
  ({ contents = [] }) =>
    contents.flatMap((content, index) => contentComplaints(content, `contents[${index}]`)),
  range("temperature", 0, 2),
  range("topP", 0, 1),
  range("logprobs", 0, 20),
  ({ generationConfig }) =>
    generationConfig?.maxOutputTokens !== undefined && generationConfig.maxOutputTokens <= 0
      ? ["generation_config.max_output_tokens: max_output_tokens must be positive."]
      : [],
  ({ generationConfig }) =>
    (generationConfig?.stopSequences?.length ?? 0) > 5
      ? ["generation_config.stop_sequences: at most 5 stop sequences are allowed"]
      : [],
  mimeTypeComplaints,
  safetyComplaints,
]

/** Every complaint about a request, in Google's bulleted form; empty when there is none. */
export function requestComplaints(request: GenerateRequest): string {
  const complaints = rules.flatMap((rule) => rule(request))
  return complaints.map((complaint) => `* GenerateContentRequest.${complaint}\n`).join("")
}

function contentComplaints(content: Content, path: string): string[] {
  const parts = content.parts ?? []
  if (parts.length === 0) return [`${path}.parts: contents.parts must not be empty.`]
  return parts.flatMap((part, index) => {
    const hasData = partDataFields.some((field) => field in part)
    return hasData
      ? []
      : [`${path}.parts[${index}].data: required oneof field 'data' must have one initialized field`]
  })
}

function range(field: "temperature" | "topP" | "logprobs", least: number, most: number): Rule {
  const name = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return ({ generationConfig }) => {
    const value = generationConfig?.[field]
    const isOutside = value !== undefined && (value < least || value > most)
    return isOutside
      ? [`generation_config.${name}: ${name} must be in the range [${least.toFixed(1)}, ${most.toFixed(1)}]`]
      : []
  }
}

const textMimeTypes = new Set([
  "text/plain",
  "application/json",
  "application/xml",
  "application/yaml",
  "text/x.enum",
])

function mimeTypeComplaints({ generationConfig }: GenerateRequest): string[] {
  const mimeType = generationConfig?.responseMimeType
  if (mimeType === undefined || textMimeTypes.has(mimeType)) return []
  return [
    "generation_config.response_mime_type: allowed mimetypes are `text/plain`, `application/json`, `application/xml`, `application/yaml` and `text/x.enum`.",
  ]
}

const safetyCategories = [
  "HARM_CATEGORY_SEXUALLY_EXPLICIT",
  "HARM_CATEGORY_HATE_SPEECH",
  "HARM_CATEGORY_HARASSMENT",
  "HARM_CATEGORY_DANGEROUS_CONTENT",
  "HARM_CATEGORY_CIVIC_INTEGRITY",
]

function safetyComplaints({ safetySettings = [] }: GenerateRequest): string[] {
  return safetySettings.flatMap(({ category }, index) => {
    const path = `safety_settings[${index}]`
    if (!safetyCategories.includes(category ?? "")) {
      const allowed = safetyCategories.map((name) => `HarmCategory.${name}`).join(", ")
      return [`${path}: element predicate failed: $.category in (${allowed})`]
    }
    const isRepeated = safetySettings.findIndex((setting) => setting.category === category) < index
    return isRepeated ? [`${path}: only one safety setting for each category is allowed: ${category}`] : []
  })
}
