import type { ReplyPart } from "@kiln/jobs"
import type { Blob } from "@kiln/upstream"

import type { Part, Reply } from "./reply.ts"

type Files = { blobs: readonly Blob[]; pathOf: (blob: Blob) => string }

/** The whole answer for a later replay; undefined when an image of it is damaged, so that it cannot be said again. */
export function keptReply({ parts }: Pick<Reply, "parts">, files: Files): ReplyPart[] | undefined {
  const kept = parts.filter((part) => Object.keys(part).length > 0).map((part) => keptPart(part, files))
  return kept.every((part) => part !== undefined) ? kept : undefined
}

function keptPart(part: Part, { blobs, pathOf }: Files): ReplyPart | undefined {
  if (part.inlineData === undefined) return { part }
  const { data, ...inlineData } = part.inlineData
  const blob = blobs.find(({ number }) => data === String(number))
  if (!blob?.isIntact) return undefined
  const contentType = inlineData.mimeType ?? "image/jpeg"
  return { part: { ...part, inlineData }, image: { contentType, path: pathOf(blob) } }
}
