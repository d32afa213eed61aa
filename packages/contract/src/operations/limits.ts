import { z } from "zod"

import { TenantName } from "../key.ts"
import { TenantLimits, TenantLimitsRequest } from "../limits.ts"
import type { Operation } from "../operation.ts"

const none = z.strictObject({})
const ofTenant = z.strictObject({ tenant: TenantName })

export const getLimits = {
  method: "get",
  path: "/v1/tenants/:tenant/limits",
  tag: "Tenants",
  summary: "See what a tenant may do",
  scope: "admin",
  params: ofTenant,
  query: none,
  body: z.undefined(),
  status: 200,
  reply: TenantLimits,
  failures: [],
} as const satisfies Operation

export const putLimits = {
  method: "put",
  path: "/v1/tenants/:tenant/limits",
  tag: "Tenants",
  summary: "Say what a tenant may do; it holds everywhere within five seconds",
  scope: "admin",
  params: ofTenant,
  query: none,
  body: TenantLimitsRequest,
  status: 200,
  reply: TenantLimits,
  failures: [],
} as const satisfies Operation
