import type { GenerateRequest } from "../messages/generate-request.ts"
import type { Model } from "../models/model.ts"
import { promptOf } from "./request-parts.ts"
import { type ModalityTokens, promptTokens, thoughtTokens } from "./usage.ts"
import { wantedSize } from "./wanted-picture.ts"

/** What a request comes to: what is wanted and what it counts. */
export type Order = {
  request: GenerateRequest
  model: Model
  prompt: string
  wantsImage: boolean
  wantsText: boolean
  wantsThoughts: boolean
  promptTokens: ModalityTokens[]
  thoughtTokens: number
  tokensPerImage: number
  maxOutputTokens: number
}

export function readOrder(request: GenerateRequest, model: Model): Order {
  const config = request.generationConfig ?? {}
  const prompt = promptOf(request)
  const size = wantedSize(request) ?? "1K"
  const modalities = new Set(config.responseModalities ?? ["TEXT", "IMAGE"])
  const wantsImage = model.image !== null && modalities.has("IMAGE")
  const thoughts = thoughtTokens(request, model, prompt)
  return {
    request,
    model,
    prompt,
    wantsImage,
    wantsText: modalities.has("TEXT") || !wantsImage,
    wantsThoughts: config.thinkingConfig?.includeThoughts === true && thoughts > 0,
    promptTokens: promptTokens(request, model),
    thoughtTokens: thoughts,
    tokensPerImage: model.image?.fixedTokens ?? model.image?.tokensBySize[size] ?? 0,
    maxOutputTokens: config.maxOutputTokens ?? model.outputTokenLimit,
  }
}
