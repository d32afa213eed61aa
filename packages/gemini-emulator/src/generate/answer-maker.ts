import { randomBytes } from "node:crypto"

import type { InspectedImage } from "../picture/inspect-image.ts"
import type { Answer, AnswerPart, Candidate } from "./answer.ts"
import { groundingOf } from "./grounding.ts"
import type { Look, Painter } from "./painter.ts"
import type { Order } from "./read-order.ts"
import { issueSignature } from "./signatures.ts"
import { addUpUsage, fractionOf } from "./usage.ts"

/** Makes the pieces of an answer, and whole answers of them. */
export type AnswerMaker = {
  order: Order
  /** A signed image as asked for, or changed by a look. */
  image(look?: Look): Promise<AnswerPart>
  /** A signed text. */
  text(words: string): AnswerPart
  /** The thoughts that come before an answer: a text and, before an image, an interim image. */
  thoughts(): Promise<AnswerPart[]>
  /** An answer with these parts; images are counted in its usage. */
  answer(parts: AnswerPart[], ending?: Partial<Candidate>): Answer
  /** An answer without parts: the candidate as given. */
  stopped(candidate: Candidate): Answer
}

export function createAnswerMaker(options: {
  order: Order
  inputs: readonly (InspectedImage | null)[]
  paint: Painter
  look: Look
  /** Which of the possible pictures of a prompt is painted; follows from the seed if there is one. */
  variation: number
  now: number
}): AnswerMaker {
  const { order, inputs, variation, now } = options
  const image = async (changed: Look = {}): Promise<AnswerPart> => {
    const look = { ...options.look, ...changed }
    const inlineData = await options.paint({ ...order, inputs, variation, look })
    const about = `image/${order.prompt}/${variation}/${JSON.stringify(look)}`
    const bytes = Buffer.from(inlineData.data, "base64")
    return {
      inlineData,
      thoughtSignature: issueSignature(about, { image: bytes, bytes: look.signatureBytes }),
    }
  }
  return {
    order,
    image,
    text: (words) => ({
      text: words,
      thoughtSignature: issueSignature(`text/${words}`, { bytes: options.look.signatureBytes }),
    }),
    async thoughts() {
      const words = `**Planning the answer**\n\nThe request is: ${order.prompt.slice(0, 200)}`
      const thought = { text: words, thought: true }
      if (!order.wantsImage) return [thought]
      const { thoughtSignature: _, ...draft } = await image({ mark: "EMULATED · DRAFT" })
      return [thought, { ...draft, thought: true }]
    },
    answer: (parts, ending = {}) => ({
      candidates: [candidateOf(order, parts, ending)],
      ...envelope(order, parts, now),
    }),
    stopped: (candidate) => ({ candidates: [{ ...candidate, index: 0 }], ...envelope(order, [], now) }),
  }
}

function candidateOf(order: Order, parts: AnswerPart[], ending: Partial<Candidate>): Candidate {
  const groundingMetadata = groundingOf(order.request, order.prompt)
  return {
    content: { role: "model", parts },
    finishReason: "STOP",
    index: 0,
    ...(groundingMetadata !== undefined && { groundingMetadata }),
    ...ending,
  }
}

function envelope(order: Order, parts: readonly AnswerPart[], now: number) {
  const { model, request } = order
  const shown = parts.filter((part) => part.thought !== true)
  const images = shown.filter((part) => part.inlineData !== undefined).length
  const characters = shown.reduce((sum, part) => sum + (part.text ?? "").length, 0)
  const { serviceTier = "standard" } = request
  return {
    usageMetadata: addUpUsage({
      prompt: order.promptTokens,
      thoughts: order.thoughtTokens,
      text: Math.ceil(characters / 4),
      image: images * order.tokensPerImage,
      slack: images > 0 ? 88 + Math.floor(fractionOf(order.prompt) * 200) : 0,
      serviceTier: serviceTier === "unspecified" ? "standard" : serviceTier,
    }),
    modelVersion: model.id,
    responseId: randomBytes(12).toString("base64url"),
    ...(model.sendsCreateTime && { createTime: new Date(now).toISOString() }),
  }
}
