import type { Answer, AnswerPart } from "./answer.ts"

/**
 * The chunks in which an answer is streamed: a part a chunk (an image is never divided), then one with empty text
 * that carries the finish reason. Answers without parts are one chunk.
 */
export function splitAnswer(answer: Answer): Answer[] {
  const [candidate] = answer.candidates ?? []
  const parts = candidate?.content?.parts ?? []
  if (candidate === undefined || parts.length === 0) return [answer]
  const { finishReason, finishMessage, groundingMetadata, ...rest } = candidate
  const chunk = (part: AnswerPart) => ({
    ...answer,
    candidates: [{ ...rest, content: { parts: [part], role: "model" } }],
  })
  const ending = {
    ...answer,
    candidates: [
      {
        ...chunk({ text: "" }).candidates[0],
        ...(finishReason !== undefined && { finishReason }),
        ...(finishMessage !== undefined && { finishMessage }),
        ...(groundingMetadata !== undefined && { groundingMetadata }),
      },
    ],
  }
  return [...parts.flatMap(splitText).map(chunk), ending]
}

/** Text comes in two pieces; only the first carries the signature. */
function splitText(part: AnswerPart): AnswerPart[] {
  const { text, thoughtSignature, ...rest } = part
  const middle = text?.indexOf(" ", text.length / 2) ?? -1
  if (text === undefined || middle < 1) return [part]
  return [
    { ...rest, text: text.slice(0, middle), ...(thoughtSignature !== undefined && { thoughtSignature }) },
    { ...rest, text: text.slice(middle) },
  ]
}
