import assert from "node:assert/strict"

import type { Redis } from "ioredis"

import type { JobRecord } from "../record.ts"
import { createUsage } from "../usage.ts"

const ended = new Set<string>(["succeeded", "failed", "canceled", "expired"])

/** What is set aside is what the open jobs have set aside; what was spent is the same wherever it is counted. */
export async function auditMoney(redis: Redis, prefix: string, jobs: ReadonlyMap<string, JobRecord>) {
  const expected = new Map<string, number>()
  const add = (name: string, by: number) => expected.set(name, (expected.get(name) ?? 0) + by)
  for (const { id, status, tenant, estimateNanoUsd } of jobs.values()) {
    const held = await redis.hget(`${prefix}:job:${id}`, "reserved")
    if (held === null) continue
    const [amount = "", key] = held.split("|")
    assert.match(amount, /^[1-9]\d*$/)
    assert.ok(!ended.has(status), `${id} is ${status} and has money set aside`)
    assert.ok(Number(amount) <= (estimateNanoUsd ?? 0), "more than its estimate is set aside")
    add(`${tenant}:reserved`, Number(amount))
    if (key !== undefined) add(`${tenant}:reserved|${key}`, Number(amount))
  }
  for (const batch of await redis.keys(`${prefix}:batch:*`)) {
    const [held, tenant] = await redis.hmget(batch, "reserved", "tenant")
    const [amount, key] = held?.split("|") ?? []
    if (amount === undefined) continue
    assert.match(amount, /^[1-9]\d*$/)
    add(`${tenant}:reserved`, Number(amount))
    if (key !== undefined) add(`${tenant}:reserved|${key}`, Number(amount))
  }
  const named = [...expected.keys()].map((name) => name.slice(0, name.indexOf(":")))
  const tenants = new Set([...named, ...[...jobs.values()].map(({ tenant }) => tenant)])
  for (const tenant of tenants) {
    for (const [field, value] of Object.entries(await redis.hgetall(`${prefix}:tenant:${tenant}`))) {
      if (!field.startsWith("reserved")) continue
      const name = `${tenant}:${field}`
      assert.equal(Number(value), expected.get(name) ?? 0, `set aside: ${name}`)
      expected.delete(name)
    }
  }
  assert.deepEqual([...expected], [], "set aside and not counted")
  for (const tenant of tenants) await auditSpent(redis, prefix, tenant)
}

async function auditSpent(redis: Redis, prefix: string, tenant: string): Promise<void> {
  const now = new Date()
  const today = now.toISOString().slice(0, 10)
  const usage = createUsage({ redis, prefix })
  const rows = await usage.read(tenant, `${today.slice(0, 7)}-01`, today)
  const sums = await redis.hgetall(`${prefix}:spent:${tenant}:${today.slice(0, 7)}`)
  const total = (of: typeof rows) => of.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0)
  assert.equal(Number(sums["*"] ?? 0), total(rows), "spent this month")
  assert.equal((await usage.standing(tenant, now)).day, total(rows.filter(({ day }) => day === today)))
  for (const [key, own] of Map.groupBy(rows, (row) => row.key)) {
    assert.equal(Number(sums[`*|${key}`] ?? 0), total(own), `spent by ${key}`)
  }
}
