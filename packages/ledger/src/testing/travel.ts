import type { Redis } from "ioredis"

const instants = [
  "raised",
  "closed",
  "told_until",
  "pace_at",
  "day_ends",
  "taught",
  "crowded",
  "full",
  "next",
]

/** Lets time pass for everything that is known of the upstream's calls: all its instants move into the past. */
export async function travel(redis: Redis, prefix: string, ms: number): Promise<void> {
  for (const key of await redis.keys(`${prefix}:calls:*`)) {
    for (const call of await redis.zrange(key, "0", "-1")) await redis.zincrby(key, -ms, call)
  }
  for (const pattern of ["account", "lane"]) {
    for (const key of await redis.keys(`${prefix}:${pattern}:*`)) {
      for (const field of instants) {
        const value = await redis.hget(key, field)
        if (value !== null) await redis.hset(key, field, Number(value) - ms)
      }
    }
  }
  for (const [model, rest] of Object.entries(await redis.hgetall(`${prefix}:rest`))) {
    const [until, reason] = rest.split("|")
    await redis.hset(`${prefix}:rest`, model, `${Number(until) - ms}|${reason}`)
  }
}
