import type { Content, Part } from "../messages/generate-request.ts"
import { isIssuedSignature } from "./signatures.ts"

/** Accepted in place of a signature, as the real API does. */
const skipWord = "skip_thought_signature_validator"

const seeMore =
  "Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures#model-behavior for more details."

/** The bytes of a part's image, wherever they are; null when they cannot be known. */
export type ImageOf = (part: Part) => Buffer | null

/**
 * The complaint about a replayed conversation: in a model turn every image and the first text that is no thought must
 * carry the signature it came with, and the image must be the one that it came with. Positions count from 1.
 */
export function signatureComplaint(contents: readonly Content[], imageOf: ImageOf): string | undefined {
  for (const [turn, content] of contents.entries()) {
    if (content.role !== "model") continue
    const complaint = turnComplaint(content.parts ?? [], turn + 1, imageOf)
    if (complaint !== undefined) return complaint
  }
  return undefined
}

function turnComplaint(parts: readonly Part[], turn: number, imageOf: ImageOf): string | undefined {
  const firstText = parts.findIndex((part) => part.thought !== true && (part.text ?? "") !== "")
  for (const [index, part] of parts.entries()) {
    const signature = part.thoughtSignature
    const isImage = part.inlineData !== undefined || part.fileData !== undefined
    const mustBeSigned = part.thought !== true && (isImage || index === firstText)
    if (signature === undefined && mustBeSigned) {
      const kind = isImage ? "Image" : "Text"
      return `${kind} part is missing a thought_signature in content position ${turn}, part position ${index + 1}. ${seeMore}`
    }
    if (signature !== undefined && signature !== skipWord && !belongs(signature, part, imageOf)) {
      return "Corrupted thought signature."
    }
  }
  return undefined
}

function belongs(signature: string, part: Part, imageOf: ImageOf): boolean {
  if (part.inlineData === undefined && part.fileData === undefined) return isIssuedSignature(signature)
  const image = imageOf(part)
  return image === null || isIssuedSignature(signature, image)
}
