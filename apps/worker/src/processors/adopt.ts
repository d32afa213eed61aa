import type { KeptOutput, Spent } from "@kiln/ledger"
import type { Storage } from "@kiln/storage"
import { z } from "zod"

import { keyOf, type ImageWork } from "./image-work.ts"

/** What is written beside a stored image, so that it can be recorded by another process than the one that paid. */
const ObjectFacts = z.object({
  width: z.coerce.number().int().positive(),
  height: z.coerce.number().int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  upstream: z.string(),
  calls: z.coerce.number().int().nonnegative(),
  input: z.coerce.number().int().nonnegative(),
  output: z.coerce.number().int().nonnegative(),
  cost: z.string().regex(/^(?:none|\d{1,15})$/),
})

/** Metadata of objects may not be empty. */
const unpriced = "none"

export const describeObject = (output: KeptOutput, spent: Spent): Record<string, string> => ({
  width: String(output.width),
  height: String(output.height),
  sha256: output.sha256,
  upstream: output.upstream_content_type,
  calls: String(spent.calls),
  input: String(spent.input),
  output: String(spent.output),
  cost: spent.costNanoUsd === null ? unpriced : String(spent.costNanoUsd),
})

/**
 * The image that an earlier attempt stored and did not live to record; it is not paid for again.
 * Nothing is looked up for a job's first attempt: there cannot be one.
 */
export async function adopt(
  work: Pick<ImageWork, "record" | "index" | "epoch" | "run" | "log">,
  storage: Storage,
): Promise<{ output: KeptOutput; spent: Spent } | undefined> {
  if (work.epoch === 1) return undefined
  const key = keyOf(work)
  const object = await storage.head(key, work.run.lost)
  if (!object) return undefined
  const facts = ObjectFacts.safeParse(object.metadata)
  if (!facts.success) {
    work.log.warn({ key }, "object without its facts, made anew")
    return undefined
  }
  const { width, height, sha256, upstream, calls, input, output, cost } = facts.data
  work.log.info({ key }, "adopted the image of an earlier attempt")
  return {
    output: {
      key,
      content_type: object.contentType,
      bytes: object.bytes,
      width,
      height,
      sha256,
      upstream_content_type: upstream,
    },
    spent: { calls, input, output, costNanoUsd: cost === unpriced ? null : Number(cost) },
  }
}
