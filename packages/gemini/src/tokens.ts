import type { Tokens } from "@kiln/contract"

import type { UsageMetadata } from "./reply.ts"

/**
 * The tokens that are billed. The upstream leaves out zeros, and its details of candidates are lower than their
 * sum; where it gives none, an answer with an image is counted as image entirely.
 */
export function tokensOf(usage: UsageMetadata, { hasImage }: { hasImage: boolean }): Tokens {
  const { candidatesTokenCount: candidates = 0, candidatesTokensDetails: details } = usage
  const images = details?.filter(({ modality }) => modality === "IMAGE")
  const counted = images?.reduce((sum, { tokenCount = 0 }) => sum + tokenCount, 0)
  return {
    input: (usage.promptTokenCount ?? 0) + (usage.toolUsePromptTokenCount ?? 0),
    output: candidates + (usage.thoughtsTokenCount ?? 0),
    image: counted ?? (hasImage ? candidates : 0),
  }
}
