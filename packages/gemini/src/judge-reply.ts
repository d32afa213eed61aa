import { JobFailure, type UpstreamFacts, type Warning } from "@kiln/contract"
import type { PaintedPiece } from "@kiln/jobs"
import { type Blob, type Redact, failureOfError } from "@kiln/upstream"

import { endingOf, isNatural, type Ending } from "./finish-reasons.ts"
import type { Part, Reply } from "./reply.ts"
import { tokensOf } from "./tokens.ts"

/** The image of a reply and what the caller should know about it. */
export type Judgement = { image: Blob; warnings: Warning[] }

/**
 * Finds the image of a reply with status 200: the last one that is not a thought, else the last thought. Throws
 * the JobFailure for a reply without; checks in order error, blocked prompt, candidates, finish reason, parts.
 */
export function judgeReply(reply: Reply, blobs: readonly Blob[], redact: Redact): Judgement {
  if (reply.error) {
    const charged = reply.usageMetadata ? "unknown" : "no"
    throw failureOfError(reply.error, { httpStatus: 200, charged, redact })
  }
  if (reply.blockReason !== undefined) throw failed(promptBlocked, reply, redact)
  const { finals, thoughts } = imagesOf(reply, blobs)
  const { finishReason } = reply
  if (isNatural(finishReason)) {
    const image = finals.at(-1) ?? thoughts.at(-1)
    if (!image) throw failed(withoutImage(reply, blobs), reply, redact)
    return { image, warnings: warningsOf(reply, finals, redact) }
  }
  const ending = endingOf(finishReason ?? "")
  const image = finals.at(-1)
  // An image before the token limit is whole; beside a block it is not to be shown.
  if (!image || ending.code === "content_blocked") throw failed(ending, reply, redact)
  return { image, warnings: warningsOf(reply, finals, redact) }
}

/** The text that came with the image, or null. */
export function textOf(parts: readonly Part[]): string | null {
  const texts = parts.filter(isWords).map((part) => part.text)
  return texts.length > 0 ? texts.join("\n\n") : null
}

/** The same text in pieces, before and after the image. */
export function contentOf(parts: readonly Part[], image: Blob): PaintedPiece[] {
  const places = parts.flatMap((part, index) => (isOf(part, image) ? [index] : []))
  const at = places.at(-1) ?? parts.length
  return [...wordsOf(parts.slice(0, at)), { type: "image" }, ...wordsOf(parts.slice(at + 1))]
}

function wordsOf(parts: readonly Part[]): PaintedPiece[] {
  const text = textOf(parts)
  return text === null ? [] : [{ type: "text", text }]
}

const isWords = ({ thought, text }: Part): boolean => !thought && Boolean(text?.trim())
const isOf = ({ inlineData }: Part, { number }: Blob): boolean => inlineData?.data === String(number)

function imagesOf({ parts }: Reply, blobs: readonly Blob[]): { finals: Blob[]; thoughts: Blob[] } {
  const finals: Blob[] = []
  const thoughts: Blob[] = []
  for (const part of parts) {
    const blob = blobs.find((each) => isOf(part, each))
    if (blob?.isIntact) (part.thought ? thoughts : finals).push(blob)
  }
  return { finals, thoughts }
}

const promptBlocked: Ending = {
  code: "content_blocked",
  charged: "no",
  message: "The model's provider blocked the prompt",
}

function withoutImage(reply: Reply, blobs: readonly Blob[]): Ending {
  if (blobs.length > 0) {
    return { code: "upstream_error", charged: "yes", message: "The image in the model's answer is damaged" }
  }
  if (textOf(reply.parts) !== null) {
    return { code: "text_only", charged: "yes", message: "The model answered with text instead of an image" }
  }
  const message = reply.hasCandidates ? "The model's answer is empty" : "The model gave no answer"
  return { code: "no_image", charged: "yes", message }
}

function failed({ code, charged, message }: Ending, reply: Reply, redact: Redact): JobFailure {
  const { usageMetadata: usage, blockReason, finishReason } = reply
  const said = reply.finishMessage ?? textOf(reply.parts) ?? undefined
  const upstream: UpstreamFacts = {
    status: 200,
    finish_reason: finishReason && redact(finishReason),
    block_reason: blockReason && redact(blockReason),
    message: said && redact(said),
  }
  const facts = { upstream, refused: finishReason === unsigned ? ("conversation" as const) : undefined }
  if (charged === "no") return new JobFailure(code, message, { ...facts, charged })
  if (!usage) return new JobFailure(code, message, { ...facts, charged: "unknown" })
  return new JobFailure(code, message, { ...facts, charged, tokens: tokensOf(usage, { hasImage: false }) })
}

/** The upstream's word for a conversation without its signatures. */
const unsigned = "MISSING_THOUGHT_SIGNATURE"

const endingStages = new Set(["LEGACY", "DEPRECATED", "RETIRED"])

function warningsOf({ modelStatus }: Reply, finals: readonly Blob[], redact: Redact): Warning[] {
  const warnings: Warning[] = []
  if (finals.length > 1) {
    warnings.push({
      code: "extra_images",
      detail: `the model gave ${finals.length} images; the last is kept`,
    })
  }
  if (finals.length === 0) {
    warnings.push({ code: "thought_image", detail: "the model gave only an image of its thinking" })
  }
  const { message, modelStage = "", retirementTime } = modelStatus ?? {}
  if (message || retirementTime || endingStages.has(modelStage)) {
    const detail =
      message || (retirementTime ? `the model ends at ${retirementTime}` : `the model is ${modelStage}`)
    warnings.push({ code: "model_retiring", detail: redact(detail) })
  }
  return warnings
}
