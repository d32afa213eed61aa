import type { CallContent, CallPart } from "../call-log.ts"
import { hashOf } from "../hash-of.ts"
import type { GenerateRequest, Part } from "../messages/generate-request.ts"
import type { ImageOf } from "./signature-rules.ts"

/** What a conversation was made of, for the call log: hashes in place of images, nothing of its words. */
export function summariseContents({ contents = [] }: GenerateRequest, imageOf: ImageOf): CallContent[] {
  return contents.map(({ role = "user", parts = [] }) => ({
    role,
    parts: parts.map((part) => summarise(part, imageOf)),
  }))
}

function summarise(part: Part, imageOf: ImageOf): CallPart {
  const { text, inlineData, fileData, thoughtSignature = "" } = part
  const signatureBytes = Buffer.from(thoughtSignature, "base64").length
  if (text !== undefined) return { kind: "text", sha256: null, signatureBytes }
  if (inlineData === undefined && fileData === undefined) {
    return { kind: "other", sha256: null, signatureBytes }
  }
  const bytes = imageOf(part)
  return {
    kind: inlineData === undefined ? "file" : "inline",
    sha256: bytes && hashOf(bytes).toString("hex"),
    signatureBytes,
  }
}
