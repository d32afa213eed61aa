import type { Usage } from "./usage.ts"

export type AnswerPart = {
  text?: string
  thought?: boolean
  inlineData?: { mimeType: string; data: string }
  thoughtSignature?: string
}

export type Candidate = {
  content?: { role?: string; parts?: AnswerPart[] | null }
  finishReason?: string
  finishMessage?: string
  index?: number
  groundingMetadata?: object
  safetyRatings?: object[]
}

/** A GenerateContentResponse. */
export type Answer = {
  candidates?: Candidate[]
  promptFeedback?: { blockReason: string; safetyRatings?: object[] }
  usageMetadata?: Usage
  modelVersion: string
  responseId: string
  createTime?: string
}
