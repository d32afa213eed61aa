import { z } from "zod"

const counts = {
  images: z.int().describe("Images that were made and kept."),
  calls: z.int().describe("Calls of the upstream, those that gave no image too."),
  input_tokens: z.int(),
  output_tokens: z.int(),
  cost_usd: z.number().nullable().describe("Null where the price of a call is not known."),
  failures: z.int().describe("Jobs that failed."),
}

export const usageGroups = ["day", "model", "key"] as const

const UsageRow = z.strictObject({
  day: z.iso.date().optional().describe("A day of UTC; there when grouped by it."),
  model: z.string().optional().describe("There when grouped by it."),
  key: z.string().optional().describe("Id of the API key; there when grouped by it."),
  ...counts,
})

const Budget = z
  .strictObject({
    budget_usd: z.number(),
    spent_usd: z.number(),
    resets_at: z.iso.datetime(),
  })
  .nullable()

/** What a tenant used in a range of days. Jobs that were deleted stay in it. */
export const UsageReport = z
  .strictObject({
    object: z.literal("usage"),
    tenant: z.string(),
    from: z.iso.date(),
    to: z.iso.date(),
    data: z.array(UsageRow),
    total: z.strictObject(counts),
    budgets: z
      .strictObject({
        daily: Budget,
        monthly: Budget,
        reserved_usd: z.number().describe("Set aside for jobs that have not ended, by their estimates."),
      })
      .describe("How the tenant's budgets stand now; null where there is none."),
  })
  .describe("What was used and spent, from counters that outlive the jobs.")
export type UsageReport = z.infer<typeof UsageReport>
