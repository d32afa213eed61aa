import { z } from "zod"

export const budgetUsd = z.number().min(0).max(1_000_000)

const limits = {
  weight: z.number().min(0.01).max(1_000).describe("Share of the workers beside other tenants; null: 1."),
  requests_per_minute: z.int().min(1).max(1_000_000_000).describe("Null: what the deployment allows all."),
  parallel_jobs: z.int().min(1).max(1_000_000).describe("Jobs that are with workers; null: no limit."),
  queued_jobs: z
    .int()
    .min(1)
    .max(10_000_000)
    .describe("Jobs that wait; null: what the deployment allows all."),
  daily_budget_usd: budgetUsd.describe("What may be spent in a day of UTC; null: no limit."),
  monthly_budget_usd: budgetUsd.describe("What may be spent in a calendar month of UTC; null: no limit."),
}

/** What one tenant may do. */
export const TenantLimits = z
  .strictObject({
    weight: limits.weight.nullable(),
    requests_per_minute: limits.requests_per_minute.nullable(),
    parallel_jobs: limits.parallel_jobs.nullable(),
    queued_jobs: limits.queued_jobs.nullable(),
    daily_budget_usd: limits.daily_budget_usd.nullable(),
    monthly_budget_usd: limits.monthly_budget_usd.nullable(),
  })
  .describe("The limits of a tenant; null is the deployment's own, or none.")
export type TenantLimits = z.infer<typeof TenantLimits>

/** The body of `PUT /v1/tenants/{tenant}/limits`: all limits at once, so that what is left out is null. */
export const TenantLimitsRequest = z
  .strictObject({
    weight: limits.weight.nullable().default(null),
    requests_per_minute: limits.requests_per_minute.nullable().default(null),
    parallel_jobs: limits.parallel_jobs.nullable().default(null),
    queued_jobs: limits.queued_jobs.nullable().default(null),
    daily_budget_usd: limits.daily_budget_usd.nullable().default(null),
    monthly_budget_usd: limits.monthly_budget_usd.nullable().default(null),
  })
  .describe("All limits of a tenant: what is left out is null.")
