import type { Content, Part } from "../messages/generate-request.ts"
import { isIssuedSignature } from "./signatures.ts"

/** Accepted in place of a signature, as the real API does. */
const skipWord = "skip_thought_signature_validator"

const seeMore =
  "Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures#model-behavior for more details."

/**
 * The complaint about a replayed conversation: in a model turn every image and the first text that is no thought must
 * carry the signature it came with. Positions count from 1.
 */
export function signatureComplaint(contents: readonly Content[]): string | undefined {
  for (const [turn, content] of contents.entries()) {
    if (content.role !== "model") continue
    const complaint = turnComplaint(content.parts ?? [], turn + 1)
    if (complaint !== undefined) return complaint
  }
  return undefined
}

function turnComplaint(parts: readonly Part[], turn: number): string | undefined {
  const firstText = parts.findIndex((part) => part.thought !== true && (part.text ?? "") !== "")
  for (const [index, part] of parts.entries()) {
    const signature = part.thoughtSignature
    const isImage = part.inlineData !== undefined || part.fileData !== undefined
    const mustBeSigned = part.thought !== true && (isImage || index === firstText)
    if (signature === undefined && mustBeSigned) {
      const kind = isImage ? "Image" : "Text"
      return `${kind} part is missing a thought_signature in content position ${turn}, part position ${index + 1}. ${seeMore}`
    }
    if (signature !== undefined && signature !== skipWord && !isIssuedSignature(signature)) {
      return "Corrupted thought signature."
    }
  }
  return undefined
}
