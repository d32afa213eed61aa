import type { Redis } from "ioredis"

/** What was used on one day by one model and key; `unpricedCalls` are those whose price is not known. */
export type UsageRow = {
  day: string
  model: string
  key: string
  images: number
  calls: number
  input: number
  output: number
  costNanoUsd: number
  unpricedCalls: number
  failures: number
}

const dayMs = 24 * 3_600_000
const isoDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** What tenants used and spent, from counters that outlive the jobs. Days and months are those of UTC. */
export function createUsage({ redis, prefix }: { redis: Redis; prefix: string }) {
  return {
    /** Both days are part of the range. */
    async read(tenant: string, from: string, to: string): Promise<UsageRow[]> {
      const days: string[] = []
      for (let at = Date.parse(from); at <= Date.parse(to); at += dayMs) days.push(isoDay(at))
      const counted = await Promise.all(days.map((day) => redis.hgetall(`${prefix}:usage:${tenant}:${day}`)))
      return counted.flatMap((fields, index) => rowsOf(days[index] ?? "", fields))
    },

    /** What the tenant has spent today and this month, and set aside for open jobs; in nano-dollars. */
    async standing(tenant: string, now: Date): Promise<{ day: number; month: number; reserved: number }> {
      const today = isoDay(now.getTime())
      const [spent, reserved] = await Promise.all([
        redis.hmget(`${prefix}:spent:${tenant}:${today.slice(0, 7)}`, today.slice(8), "*"),
        redis.hget(`${prefix}:tenant:${tenant}`, "reserved"),
      ])
      return { day: Number(spent[0] ?? 0), month: Number(spent[1] ?? 0), reserved: Number(reserved ?? 0) }
    },
  }
}

/** A field is `model|key|what`; models may have any character but this one. */
function rowsOf(day: string, fields: Readonly<Record<string, string>>): UsageRow[] {
  const rows = Map.groupBy(Object.entries(fields), ([field]) => field.slice(0, field.lastIndexOf("|")))
  return [...rows].map(([owner, counts]) => {
    const of = Object.fromEntries(counts.map(([field, count]) => [field.slice(owner.length + 1), count]))
    const count = (what: string): number => Number(of[what] ?? 0)
    return {
      day,
      model: owner.slice(0, owner.lastIndexOf("|")),
      key: owner.slice(owner.lastIndexOf("|") + 1),
      images: count("images"),
      calls: count("calls"),
      input: count("input"),
      output: count("output"),
      costNanoUsd: count("cost"),
      unpricedCalls: count("unpriced"),
      failures: count("failures"),
    }
  })
}
