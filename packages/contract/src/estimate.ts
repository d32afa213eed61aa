import { z } from "zod"

import { BatchOptions, mostBatchItems } from "./batch.ts"
import { EditRequest } from "./edit.ts"
import { GenerationRequest } from "./generation.ts"
import { JobWarning } from "./job.ts"

/** Rows are looked at one by one, as when a batch is made of them. */
const rows = z.array(z.unknown()).min(1).max(mostBatchItems)

/** What can be estimated: the body of any request that makes jobs. */
export const EstimateRequest = z
  .union([
    GenerationRequest,
    EditRequest,
    BatchOptions.extend({ items: rows }),
    BatchOptions.extend({ products: rows }),
  ])
  .describe("The body of a generation, of an edit, or of a batch.")
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
