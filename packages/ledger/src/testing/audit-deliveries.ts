import assert from "node:assert/strict"

import { deliveryStatuses } from "@kiln/contract"
import type { Redis } from "ioredis"

type Row = Record<string, string> & { id: string }

/** Fails when any two things that are known of events and deliveries under `prefix` do not agree. */
export async function auditDeliveries(redis: Redis, prefix: string): Promise<void> {
  const keys = (await redis.keys(`${prefix}:*`)).map((key) => key.slice(prefix.length + 1))
  const named = (start: string) => keys.filter((key) => key.startsWith(start))
  const members = async (key: string) => redis.zrange(`${prefix}:${key}`, "0", "-1")
  const rows = await readRows(redis, prefix, named("delivery:"))
  const leased = new Set(await members("hook-lease"))
  const due = new Map<string, string>()
  for (const key of named("hook-due:")) {
    for (const id of await members(key)) due.set(id, key.slice("hook-due:".length))
  }
  const chained = new Set<string>()
  for (const key of named("hook-chain:")) {
    const chain = await redis.lrange(`${prefix}:${key}`, 0, -1)
    for (const [place, id] of chain.entries()) {
      const row = rows.get(id)
      const said = `${id} is ${row?.["status"]} at place ${place} of ${key}`
      assert.ok(!chained.has(id), `${said}, and in another place`)
      chained.add(id)
      assert.equal(row?.["status"], "pending", said)
      assert.equal(key, `hook-chain:${row?.["endpoint"]}:${row?.["subject"]}`)
      assert.equal(Number(leased.has(id)) + Number(due.has(id)), place === 0 ? 1 : 0, said)
    }
  }
  const finished = new Set(await members("hook-retention"))
  for (const row of rows.values()) {
    const isPending = row["status"] === "pending"
    assert.equal(chained.has(row.id), isPending, `${row.id} is ${row["status"]} and in a chain or not`)
    assert.equal(finished.has(row.id), !isPending, `${row.id} is ${row["status"]} and retained or not`)
    if (due.has(row.id)) assert.equal(due.get(row.id), row["endpoint"])
  }
  for (const id of [...leased, ...due.keys(), ...finished]) assert.ok(rows.has(id), `${id} has no record`)
  await auditIndexes(rows, named("deliveries:"), members)
  const ring = new Set(await members("hook-ring"))
  for (const endpoint of new Set(due.values())) {
    const { flight = "0" } = await redis.hgetall(`${prefix}:endpoint:${endpoint}`)
    assert.ok(ring.has(endpoint) || Number(flight) > 0, `${endpoint} has no turn`)
  }
  for (const key of named("endpoint:")) {
    const id = key.slice("endpoint:".length)
    const { flight = "0" } = await redis.hgetall(`${prefix}:${key}`)
    const own = [...leased].filter((delivery) => rows.get(delivery)?.["endpoint"] === id)
    assert.equal(Number(flight), own.length, `${id} has so many in flight`)
  }
}

async function readRows(redis: Redis, prefix: string, keys: readonly string[]): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>()
  for (const key of keys) {
    const fields = await redis.hgetall(`${prefix}:${key}`)
    const id = key.slice("delivery:".length)
    for (const name of ["tenant", "endpoint", "event", "type", "subject", "status", "created"]) {
      assert.ok(fields[name], `${id} has no ${name}`)
    }
    rows.set(id, { ...fields, id })
  }
  return rows
}

async function auditIndexes(
  rows: ReadonlyMap<string, Row>,
  keys: readonly string[],
  members: (key: string) => Promise<string[]>,
): Promise<void> {
  const expected = new Map<string, string[]>()
  for (const row of rows.values()) {
    assert.ok((deliveryStatuses as readonly string[]).includes(row["status"] ?? ""))
    for (const owner of [row["tenant"], row["endpoint"]]) {
      const key = `deliveries:${owner}:${row["status"]}`
      expected.set(key, [...(expected.get(key) ?? []), row.id])
    }
  }
  assert.deepEqual([...keys].toSorted(), [...expected.keys()].toSorted())
  for (const [key, ids] of expected) assert.deepEqual(await members(key), ids.toSorted(), key)
}
