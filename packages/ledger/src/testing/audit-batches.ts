import assert from "node:assert/strict"

import { jobStatuses, terminalStatuses, type JobStatus } from "@kiln/contract"
import { itemIndexOf, itemJobId } from "@kiln/jobs"
import type { Redis } from "ioredis"

import { decodeBatch, type BatchRecord } from "../batch-record.ts"
import { createItemMarks } from "../item-marks.ts"
import type { JobRecord } from "../record.ts"

const ended = new Set<string>(["completed", "canceled", "failed"])

/** Fails when what is known of a batch does not agree with its jobs, or with itself. */
export async function auditBatches(
  redis: Redis,
  prefix: string,
  jobs: ReadonlyMap<string, JobRecord>,
): Promise<Map<string, BatchRecord>> {
  const batches = new Map<string, BatchRecord>()
  const lease = new Set(await redis.zrange(`${prefix}:lease`, "0", "-1"))
  for (const key of await redis.keys(`${prefix}:batch:*`)) {
    const id = key.slice(`${prefix}:batch:`.length)
    const batch = decodeBatch(id, await redis.hgetall(key))
    assert.ok(batch, `${id} is no whole record`)
    batches.set(id, batch)
    await auditOne(redis, prefix, batch, { jobs, lease })
  }
  for (const [tenant, own] of Map.groupBy(batches.values(), (batch) => batch.tenant)) {
    const open = own.filter(({ status }) => !ended.has(status)).length
    assert.equal(Number(await redis.hget(`${prefix}:tenant:${tenant}`, "batches")), open, "open batches")
    assert.deepEqual(
      await redis.zrange(`${prefix}:batches:${tenant}`, "0", "-1"),
      own.map(({ id }) => id).toSorted(),
    )
  }
  return batches
}

async function auditOne(
  redis: Redis,
  prefix: string,
  batch: BatchRecord,
  { jobs, lease }: { jobs: ReadonlyMap<string, JobRecord>; lease: ReadonlySet<string> },
): Promise<void> {
  const { id, counts, cursor, cut, status, maxParallel, redo } = batch
  const marks = await createItemMarks({ redis, prefix }).marks(batch)
  const open = new Set(await redis.smembers(`${prefix}:batch-open:${id}`))
  const out = Number((await redis.hget(`${prefix}:batch:${id}`, "out")) ?? 0)
  const seen: Record<JobStatus, number> = {
    queued: 0,
    running: 0,
    succeeded: 0,
    failed: 0,
    canceled: 0,
    expired: 0,
  }
  let leased = 0
  for (let index = 0; index < counts.total; index++) {
    const job = jobs.get(itemJobId(id, index))
    const end = marks.endOf(index)
    const said = `item ${index} of ${id}`
    if (job) {
      assert.equal(itemIndexOf(job.id), index)
      assert.ok(index < (cut?.from ?? cursor), `${said} is a job too early`)
      const isEnded = (terminalStatuses as readonly string[]).includes(job.status)
      assert.equal(end, isEnded ? job.status : undefined, `mark of ${said}`)
      assert.equal(open.has(job.id), !isEnded, `openness of ${said}`)
      if (lease.has(job.id)) leased += 1
    }
    seen[job?.status ?? end ?? "queued"] += 1
  }
  for (const each of jobStatuses) assert.equal(counts[each], seen[each], `count of ${each} in ${id}`)
  assert.equal(out, leased, `jobs of ${id} that are out`)
  if (maxParallel !== null) assert.ok(out <= maxParallel, `${id} has ${out} out`)
  const isOver = seen.queued + seen.running === 0 && redo === null
  if (status !== "validating" && status !== "failed") {
    assert.equal(ended.has(status), isOver, `${id} is ${status} with ${JSON.stringify(seen)}`)
  }
  await auditEnds(redis, prefix, batch)
}

/** Each run of a batch ends once. */
async function auditEnds(redis: Redis, prefix: string, { id, status }: BatchRecord): Promise<void> {
  const rows = await redis.xrange(`${prefix}:batch-events:${id}`, "-", "+")
  const events = rows.map(([, fields]) => fields[1] ?? "")
  assert.equal(new Set(events).size, events.length, `an event of ${id} is told twice`)
  const last = rows.map(([, fields]) => fields[3] ?? "").at(-1)
  if (status === "completed" || status === "canceled") assert.equal(last, `batch.${status}`)
}
