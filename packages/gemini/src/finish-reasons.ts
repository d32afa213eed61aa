import type { JobFailureCode } from "@kiln/contract"

/** What an answer without its image means, and whether the upstream bills for it. */
export type Ending = { code: JobFailureCode; charged: "yes" | "no"; message: string }

const blocked = (message: string): Ending => ({ code: "content_blocked", charged: "no", message })
const billed = (code: JobFailureCode, message: string): Ending => ({ code, charged: "yes", message })

/** Reasons that say nothing against the answer; an image that comes with them is good. */
const natural = new Set([undefined, "STOP", "FINISH_REASON_UNSPECIFIED"])
export const isNatural = (reason: string | undefined): boolean => natural.has(reason)

/** Every finish reason of the upstream but the natural ones. It promises not to charge for blocked images and IMAGE_OTHER. */
const endings: ReadonlyMap<string, Ending> = new Map([
  ["SAFETY", blocked("The model's safety filter stopped the answer")],
  ["BLOCKLIST", blocked("The prompt contains terms that the model's provider forbids")],
  ["PROHIBITED_CONTENT", blocked("The model's provider prohibits this content")],
  ["SPII", blocked("The answer would contain sensitive personal information")],
  ["RECITATION", blocked("The answer would repeat existing work too closely")],
  ["IMAGE_SAFETY", blocked("The image was made but withheld by the model's safety filter")],
  ["IMAGE_PROHIBITED_CONTENT", blocked("The image was withheld because its content is prohibited")],
  ["IMAGE_RECITATION", blocked("The image was withheld because it may repeat existing work")],
  ["NO_IMAGE", billed("no_image", "The model answered without an image")],
  [
    "IMAGE_OTHER",
    { code: "no_image", charged: "no", message: "The model could not make an image from this prompt" },
  ],
  ["OTHER", billed("no_image", "The model stopped without an image and gave no reason")],
  ["MAX_TOKENS", billed("invalid_request", "The model reached its token limit before the image was made")],
  ["LANGUAGE", billed("invalid_request", "The model does not support the prompt's language")],
  [
    "MISSING_THOUGHT_SIGNATURE",
    billed("invalid_request", "The conversation lacks the signatures of its earlier answers"),
  ],
  ["MALFORMED_FUNCTION_CALL", billed("upstream_error", "The model made a malformed tool call")],
  ["MALFORMED_RESPONSE", billed("upstream_error", "The model made a malformed answer")],
  ["UNEXPECTED_TOOL_CALL", billed("upstream_error", "The model called a tool that it was not given")],
  ["TOO_MANY_TOOL_CALLS", billed("upstream_error", "The model called its tools without end")],
])

/** A reason that the upstream added later is an answer without an image. */
export const endingOf = (reason: string): Ending =>
  endings.get(reason) ??
  billed("no_image", "The model stopped without an image for a reason that is new here")
