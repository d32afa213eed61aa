import type { AnswerMaker } from "./answer-maker.ts"
import type { Answer } from "./answer.ts"

/** What the model answers when nothing is wrong: thoughts if asked for, a text, an image. */
export async function usualAnswer(maker: AnswerMaker): Promise<Answer> {
  const { order } = maker
  const needed = order.thoughtTokens + (order.wantsImage ? order.tokensPerImage : 1)
  if (needed > order.maxOutputTokens) {
    return maker.stopped({ content: { role: "model" }, finishReason: "MAX_TOKENS" })
  }
  const words = order.wantsImage
    ? "Here is your picture (emulated)."
    : `This is an emulated answer to: ${order.prompt}`
  return maker.answer([
    ...(order.wantsThoughts ? await maker.thoughts() : []),
    ...(order.wantsText ? [maker.text(words)] : []),
    ...(order.wantsImage ? [await maker.image()] : []),
  ])
}
