import { newId, type ApiKey, type Scope } from "@kiln/contract"
import { nanoUsdPerUsd } from "@kiln/jobs"
import type { Redis } from "ioredis"

export type NewApiKey = {
  hash: string
  tenant: string
  scopes: readonly Scope[]
  name: string | null
  expiresAt: Date | null
  dailyBudgetUsd?: number | null
  monthlyBudgetUsd?: number | null
}

/** API keys by the SHA-256 of their secret; the secret itself is nowhere. */
export function createApiKeys({ redis, prefix }: { redis: Redis; prefix: string }) {
  const recordKey = (id: string) => `${prefix}:key:${id}`
  const hashes = `${prefix}:key-hashes`
  const index = `${prefix}:keys`

  async function read(id: string): Promise<ApiKey | undefined> {
    return decode(id, await redis.hgetall(recordKey(id)))
  }

  return {
    async create(key: NewApiKey, id = newId("key")): Promise<ApiKey> {
      const record = {
        hash: key.hash,
        tenant: key.tenant,
        scopes: key.scopes.join(" "),
        created: String(Date.now()),
        ...(key.name ? { name: key.name } : {}),
        ...encodeBudget("daily_budget", key.dailyBudgetUsd),
        ...encodeBudget("monthly_budget", key.monthlyBudgetUsd),
        ...(key.expiresAt ? { expires: String(key.expiresAt.getTime()) } : {}),
      }
      await redis.multi().hset(recordKey(id), record).hset(hashes, key.hash, id).zadd(index, 0, id).exec()
      return decode(id, record) as ApiKey
    },

    /** The key that a secret's hash belongs to, expired or not; undefined when it was never made or is revoked. */
    async find(hash: string): Promise<ApiKey | undefined> {
      const id = await redis.hget(hashes, hash)
      return id ? read(id) : undefined
    },

    read,

    /** Newest first. */
    async list({
      after,
      limit,
      tenant,
    }: {
      after?: string
      limit: number
      tenant?: string
    }): Promise<ApiKey[]> {
      const found: ApiKey[] = []
      let high = after ? `(${after}` : "+"
      while (found.length < limit) {
        const ids = await redis.zrange(index, high, "-", "BYLEX", "REV", "LIMIT", 0, 100)
        const keys = await Promise.all(ids.map(read))
        found.push(
          ...(keys.filter((key) => key !== undefined && (tenant ?? key.tenant) === key.tenant) as ApiKey[]),
        )
        if (ids.length < 100) break
        high = `(${ids.at(-1)}`
      }
      return found.slice(0, limit)
    },

    async revoke(id: string): Promise<boolean> {
      const hash = await redis.hget(recordKey(id), "hash")
      if (!hash) return false
      await redis.multi().del(recordKey(id)).hdel(hashes, hash).zrem(index, id).exec()
      return true
    },

    async touch(id: string, at: Date): Promise<void> {
      // A key that was revoked meanwhile must not come back as half a record.
      if (await redis.exists(recordKey(id))) await redis.hset(recordKey(id), "used", at.getTime())
    },
  }
}

const instant = (value: string | undefined) => (value ? new Date(Number(value)).toISOString() : null)

function decode(id: string, fields: Readonly<Record<string, string>>): ApiKey | undefined {
  const { tenant, scopes, created } = fields
  if (!tenant || scopes === undefined || !created) return undefined
  return {
    id,
    object: "key",
    tenant,
    scopes: scopes.split(" ") as Scope[],
    name: fields["name"] ?? null,
    created_at: new Date(Number(created)).toISOString(),
    expires_at: instant(fields["expires"]),
    last_used_at: instant(fields["used"]),
    daily_budget_usd: decodeBudget(fields["daily_budget"]),
    monthly_budget_usd: decodeBudget(fields["monthly_budget"]),
  }
}

/** In nano-dollars, as the scripts read it. */
const encodeBudget = (field: string, usd: number | null | undefined): Record<string, string> =>
  usd === null || usd === undefined ? {} : { [field]: String(Math.round(usd * nanoUsdPerUsd)) }

const decodeBudget = (nanoUsd: string | undefined): number | null =>
  nanoUsd === undefined ? null : Number(nanoUsd) / nanoUsdPerUsd
