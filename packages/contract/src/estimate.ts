import { z } from "zod"

import { EditRequest } from "./edit.ts"
import { GenerationRequest } from "./generation.ts"
import { JobWarning } from "./job.ts"

/** What can be estimated: the body of any request that makes jobs. */
export const EstimateRequest = z
  .union([GenerationRequest, EditRequest])
  .describe("The body of a generation, or of an edit with its `images`.")
export type EstimateRequest = z.infer<typeof EstimateRequest>

export const Estimate = z
  .strictObject({
    items: z.int().describe("Jobs."),
    upstream_calls: z.int(),
    input_tokens: z.int(),
    output_tokens: z.int(),
    cost_usd: z.number().nullable().describe("Null where a price is not known."),
    eta_seconds: z
      .int()
      .nullable()
      .describe("Until all of it is done, if it were sent now; null while nothing is known to go by."),
    warnings: z.array(JobWarning),
  })
  .describe(
    "What a request would take, by its own words and the model's table; the bill follows the upstream's counts.",
  )
export type Estimate = z.infer<typeof Estimate>
