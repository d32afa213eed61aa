import assert from "node:assert/strict"

import { until } from "./until.ts"
import type { World } from "./world.ts"

/** Nothing is held or counted any more, and the one image of this job was announced in order and once. */
export async function booksBalance(world: World, id: string): Promise<void> {
  await until("nothing is out", async () => (await world.redis.zcard("{kiln}:lease")) === 0)
  const counters = await world.redis.hgetall("{kiln}:tenant:default")
  assert.deepEqual([counters["queued"], counters["running"], counters["leased"]], ["0", "0", "0"])
  const events = (await world.redis.xrange("{kiln}:outbox", "-", "+"))
    .filter(([, fields]) => fields.includes(id))
    .map(([, fields]) => ({ event: fields[1], type: fields[3] }))
  assert.equal(new Set(events.map(({ event }) => event)).size, events.length)
  assert.deepEqual(
    events.map(({ type }) => type),
    ["job.queued", "job.started", "job.output", "job.succeeded"],
  )
}
