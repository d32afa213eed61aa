import { z } from "zod"

import { TenantName } from "../key.ts"
import type { Operation } from "../operation.ts"
import { usageGroups, UsageReport } from "../usage.ts"

const isGroup = (name: string): boolean => (usageGroups as readonly string[]).includes(name)

const groupBy = z
  .string()
  .max(64)
  .refine((text) => text.split(",").every(isGroup), "must be some of day, model, key, with commas between")
  .default("day")
  .describe("What each row stands for: some of `day`, `model`, `key`, with commas between.")

export const getUsage = {
  method: "get",
  path: "/v1/usage",
  tag: "Usage",
  summary: "See what was used and spent, by day, model and key",
  scope: "jobs:read",
  params: z.strictObject({}),
  query: z.strictObject({
    from: z.iso.date().optional().describe("First day of UTC; absent: 29 days before the last."),
    to: z.iso.date().optional().describe("Last day of UTC; absent: today. At most 366 days in all."),
    group_by: groupBy,
    tenant: TenantName.optional().describe("Another tenant; for keys with the scope `admin`."),
  }),
  body: z.undefined(),
  status: 200,
  reply: UsageReport,
  failures: [],
} as const satisfies Operation
