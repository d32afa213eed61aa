import type { TenantLimits } from "@kiln/contract"
import { nanoUsdPerUsd } from "@kiln/jobs"
import type { Redis } from "ioredis"

/** Each limit and the field of the tenant's hash that the scripts read. */
const fields = {
  weight: "weight",
  requests_per_minute: "requests_per_minute",
  parallel_jobs: "parallel_jobs",
  queued_jobs: "queued_jobs",
  daily_budget_usd: "daily_budget",
  monthly_budget_usd: "monthly_budget",
} as const satisfies Record<keyof TenantLimits, string>
const names = Object.keys(fields) as (keyof TenantLimits)[]

export const noLimits: TenantLimits = {
  weight: null,
  requests_per_minute: null,
  parallel_jobs: null,
  queued_jobs: null,
  daily_budget_usd: null,
  monthly_budget_usd: null,
}

const isMoney = (name: keyof TenantLimits) => name.endsWith("_usd")

/** What tenants may do. The scripts that take and hand out jobs read the same fields. */
export function createLimits({ redis, prefix }: { redis: Redis; prefix: string }) {
  const hashOf = (tenant: string) => `${prefix}:tenant:${tenant}`
  return {
    async read(tenant: string): Promise<TenantLimits> {
      const values = await redis.hmget(hashOf(tenant), ...Object.values(fields))
      const limits = names.map((name, index) => [name, decode(name, values[index])] as const)
      // One value for each name of the type.
      return Object.fromEntries(limits) as TenantLimits
    },

    /** Takes the place of all limits that the tenant had. */
    async put(tenant: string, limits: TenantLimits): Promise<void> {
      const given = names.flatMap((name) => {
        const value = limits[name]
        return value === null ? [] : [fields[name], encode(name, value)]
      })
      const absent = names.filter((name) => limits[name] === null).map((name) => fields[name])
      const step = redis.multi()
      if (given.length > 0) step.hset(hashOf(tenant), ...given)
      if (absent.length > 0) step.hdel(hashOf(tenant), ...absent)
      await step.exec()
    },

    async requestsPerMinute(tenant: string): Promise<number | null> {
      return decode("requests_per_minute", await redis.hget(hashOf(tenant), fields.requests_per_minute))
    },
  }
}

const encode = (name: keyof TenantLimits, value: number): string =>
  String(isMoney(name) ? Math.round(value * nanoUsdPerUsd) : value)

function decode(name: keyof TenantLimits, value: string | null | undefined): number | null {
  if (value === null || value === undefined) return null
  return isMoney(name) ? Number(value) / nanoUsdPerUsd : Number(value)
}
