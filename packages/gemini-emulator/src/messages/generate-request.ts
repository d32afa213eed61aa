import type { JsonObject } from "../json.ts"

/** A part as it is after reading: camelCase, base64 checked. */
export type Part = {
  text?: string
  inlineData?: { mimeType?: string; data?: string }
  fileData?: { mimeType?: string; fileUri?: string }
  functionCall?: unknown
  thought?: boolean
  thoughtSignature?: string
  mediaResolution?: { level?: string }
}

export type Content = { role?: string; parts?: Part[] }

export type Tool = {
  googleSearch?: { searchTypes?: { webSearch?: object; imageSearch?: object } }
  urlContext?: object
  codeExecution?: object
  functionDeclarations?: unknown[]
  googleMaps?: object
  fileSearch?: unknown
  computerUse?: unknown
  googleSearchRetrieval?: unknown
  mcpServers?: unknown[]
}

type GenerationConfig = {
  candidateCount?: number
  stopSequences?: string[]
  maxOutputTokens?: number
  temperature?: number
  topP?: number
  topK?: number
  seed?: number
  logprobs?: number
  responseMimeType?: string
  responseSchema?: unknown
  responseJsonSchema?: unknown
  _responseJsonSchema?: unknown
  responseModalities?: string[]
  thinkingConfig?: { includeThoughts?: boolean; thinkingBudget?: number; thinkingLevel?: string }
  imageConfig?: { aspectRatio?: string; imageSize?: string }
  mediaResolution?: string
  responseFormat?: { image?: { aspectRatio?: string; imageSize?: string; delivery?: string } }
}

export type GenerateRequest = {
  contents?: Content[]
  systemInstruction?: Content
  tools?: Tool[]
  safetySettings?: { category?: string; threshold?: string }[]
  generationConfig?: GenerationConfig
  serviceTier?: string
}

/** The one place where a value that was read by the message tables gets their TypeScript type. */
export function asGenerateRequest(value: JsonObject): GenerateRequest {
  return value
}
