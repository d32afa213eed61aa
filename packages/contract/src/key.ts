import { z } from "zod"

import { idOf } from "./ids.ts"
import { budgetUsd } from "./limits.ts"
import { moment } from "./moment.ts"

export const Scope = z.enum(["jobs:write", "jobs:read", "webhooks", "admin"])
export type Scope = z.infer<typeof Scope>

/** Tenants are parts of storage keys and of Redis keys: plain characters only. */
export const TenantName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,62}$/,
    "expected 1 to 63 of a-z, 0-9, _ and -, starting with a letter or digit",
  )

const instant = z.iso.datetime()

export const ApiKey = z
  .strictObject({
    id: idOf("key"),
    object: z.literal("key"),
    tenant: TenantName,
    scopes: z.array(Scope),
    name: z.string().nullable(),
    created_at: instant,
    expires_at: instant.nullable(),
    last_used_at: instant.nullable(),
    daily_budget_usd: z.number().nullable().describe("What it may spend in a day of UTC; null: no limit."),
    monthly_budget_usd: z.number().nullable().describe("The same for a calendar month of UTC."),
  })
  .describe("An API key, without its secret.")
export type ApiKey = z.infer<typeof ApiKey>

export const CreatedApiKey = ApiKey.extend({
  key: z.string().describe("The secret, shown this once; only its hash is kept."),
}).describe("A new API key with its secret.")

export const CreateKeyRequest = z
  .strictObject({
    tenant: TenantName,
    scopes: z.array(Scope).min(1).max(4),
    name: z.string().min(1).max(100).optional(),
    expires_at: moment.optional(),
    daily_budget_usd: budgetUsd.optional().describe("What it may spend in a day of UTC; for good."),
    monthly_budget_usd: budgetUsd.optional().describe("The same for a calendar month of UTC."),
  })
  .describe("A key to make.")
