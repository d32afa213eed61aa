import { createHash } from "node:crypto"

import type { GenerateRequest, Part } from "../messages/generate-request.ts"
import type { Model } from "../models/model.ts"
import { allParts } from "./request-parts.ts"

export type ModalityTokens = { modality: "TEXT" | "IMAGE"; tokenCount: number }

/** Token counts in the API's form: zeros are left out. */
export type Usage = {
  promptTokenCount?: number
  candidatesTokenCount?: number
  totalTokenCount?: number
  promptTokensDetails?: ModalityTokens[]
  candidatesTokensDetails?: ModalityTokens[]
  thoughtsTokenCount?: number
  serviceTier?: string
}

const tokensByResolution: Readonly<Record<string, number>> = {
  MEDIA_RESOLUTION_LOW: 280,
  MEDIA_RESOLUTION_MEDIUM: 560,
  MEDIA_RESOLUTION_HIGH: 1120,
  MEDIA_RESOLUTION_ULTRA_HIGH: 2240,
}

/** What the input counts: about four characters a token, and a fixed number an image. */
export function promptTokens(request: GenerateRequest, model: Model): ModalityTokens[] {
  const parts = [...(request.systemInstruction?.parts ?? []), ...allParts(request)]
  const characters = parts.reduce((sum, { text = "" }) => sum + text.length, 0)
  const images = parts.filter((part) => part.inlineData !== undefined || part.fileData !== undefined)
  const imageTokens = images.reduce((sum, part) => sum + tokensOfImage(part, request, model), 0)
  return [
    { modality: "TEXT" as const, tokenCount: Math.ceil(characters / 4) },
    { modality: "IMAGE" as const, tokenCount: imageTokens },
  ].filter(({ tokenCount }) => tokenCount > 0)
}

function tokensOfImage(part: Part, request: GenerateRequest, model: Model): number {
  const resolution = part.mediaResolution?.level ?? request.generationConfig?.mediaResolution ?? ""
  return tokensByResolution[resolution] ?? model.tokensPerInputImage
}

const thoughtsByLevel: Readonly<Record<string, readonly [least: number, span: number]>> = {
  LOW: [90, 120],
  MEDIUM: [180, 220],
  HIGH: [320, 600],
}

/** What the model spends on thinking: nothing at the minimal level, else some number that follows from the prompt. */
export function thoughtTokens(request: GenerateRequest, model: Model, prompt: string): number {
  if (model.thinking === null) return 0
  const asked = request.generationConfig?.thinkingConfig?.thinkingLevel ?? ""
  const isHeard = !model.thinking.isFixed && model.thinking.levels.includes(asked)
  const [least = 0, span = 0] = thoughtsByLevel[isHeard ? asked : model.thinking.standard] ?? []
  return least + Math.floor(fractionOf(prompt) * span)
}

/** Adds up usage; `slack` is what candidates count above their details, as the real API's do. */
export function addUpUsage(counts: {
  prompt: ModalityTokens[]
  thoughts: number
  text: number
  image: number
  slack: number
  serviceTier: string
}): Usage {
  const prompt = counts.prompt.reduce((sum, { tokenCount }) => sum + tokenCount, 0)
  const candidates = counts.image + counts.text + counts.slack
  const usage: Usage = {
    promptTokenCount: prompt,
    candidatesTokenCount: candidates,
    totalTokenCount: prompt + candidates + counts.thoughts,
    promptTokensDetails: counts.prompt,
    ...(counts.image > 0 && {
      candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: counts.image }],
    }),
    thoughtsTokenCount: counts.thoughts,
    serviceTier: counts.serviceTier,
  }
  return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== 0))
}

/** A number from 0 to 1 that follows from a text. */
export function fractionOf(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE(0) / 2 ** 32
}
