import type { Redis } from "ioredis"

import { serversOf } from "./redis-cluster.ts"

/** What is wrong with this Redis for keeping jobs, in sentences; empty if nothing. Rejects when Redis is away. */
export async function checkRedis(redis: Redis): Promise<string[]> {
  const warnings = await Promise.all(serversOf(redis).map(checkServer))
  return [...new Set(warnings.flat())]
}

/** The policy by which Redis would evict jobs; undefined if it does not, or does not tell. */
export async function evictionPolicy(redis: Redis): Promise<string | undefined> {
  const policies = await Promise.all(
    serversOf(redis).map(async (server) => field(await server.info("memory"), "maxmemory_policy")),
  )
  return policies.find((policy) => policy !== undefined && policy !== "noeviction")
}

async function checkServer(redis: Redis): Promise<string[]> {
  const [memory, persistence, snapshots] = await Promise.all([
    redis.info("memory"),
    redis.info("persistence"),
    snapshotSetting(redis),
  ])
  const policy = field(memory, "maxmemory_policy")
  const hasAof = field(persistence, "aof_enabled") !== "0"
  const warnings: string[] = []
  if (policy !== undefined && policy !== "noeviction") {
    warnings.push(`Redis may evict jobs: maxmemory-policy is ${policy}, set it to noeviction.`)
  }
  if (!hasAof && snapshots === "") {
    warnings.push("Redis keeps nothing over a restart: set appendonly yes.")
  } else if (!hasAof) {
    warnings.push("Redis may lose minutes of jobs in a crash: set appendonly yes.")
  }
  return warnings
}

/** Hosted Redis often forbids CONFIG; then nothing is known about snapshots. */
async function snapshotSetting(redis: Redis): Promise<string | undefined> {
  try {
    const reply: unknown = await redis.config("GET", "save")
    return Array.isArray(reply) ? String(reply[1] ?? "") : undefined
  } catch {
    return undefined
  }
}

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1]
}
