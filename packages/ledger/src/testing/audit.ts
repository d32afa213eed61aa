import assert from "node:assert/strict"

import { jobStatuses } from "@kiln/contract"
import type { Redis } from "ioredis"

import { createEventLog } from "../event-log.ts"
import { decodeJob, type JobRecord } from "../record.ts"
import { createScripts } from "../scripts.ts"
import { auditBatches } from "./audit-batches.ts"
import { auditDeliveries } from "./audit-deliveries.ts"
import { auditMoney } from "./audit-money.ts"

const terminal = new Set<string>(["succeeded", "failed", "canceled", "expired"])
const isTerminal = (type: string) => terminal.has(type.replace("job.", ""))

/** Reads everything that is known under `prefix` and fails when any two things in it do not agree. */
export async function audit(redis: Redis, prefix: string): Promise<Map<string, JobRecord>> {
  const keys = (await redis.keys(`${prefix}:*`)).map((key) => key.slice(prefix.length + 1))
  const named = (start: string) => keys.filter((key) => key.startsWith(start))
  const members = (key: string) => redis.zrange(`${prefix}:${key}`, "0", "-1")
  const setOf = async (key: string): Promise<Set<string>> => new Set(await members(key))
  const jobs = await readAll(redis, prefix, named("job:"))
  const pend = await readLanes(named("pend:"), members)
  const [later, lease, ring, deadlines, retention] = await Promise.all(
    ["later", "lease", "ring", "deadlines", "retention"].map(setOf),
  )
  assert.ok(later && lease && ring && deadlines && retention)
  for (const id of [...pend.keys(), ...later, ...lease, ...deadlines, ...retention]) {
    assert.ok(jobs.has(id), `${id} is somewhere and has no record`)
  }
  for (const key of named("starting:")) auditStarting(key, await members(key), { jobs, lease })
  const tenants = new Set([...jobs.values()].map(({ tenant }) => tenant))
  for (const job of jobs.values()) {
    const { id, status, tenant, model, batch, lane: models } = job
    const places: string[] = [...(pend.has(id) ? ["pend"] : []), ...(later.has(id) ? ["later"] : [])]
    if (lease.has(id)) places.push("lease")
    const said: string = `${id} is ${status} and in ${places.join(" and ")}`
    if (isTerminal(status)) assert.equal(places.length, 0, said)
    else assert.equal(places.length, 1, said)
    if (status === "running") assert.ok(lease.has(id), said)
    assert.equal(retention.has(id), isTerminal(status), `retention of ${said}`)
    assert.equal(deadlines.has(id), job.deadline !== null && !isTerminal(status), `deadline of ${said}`)
    if (pend.has(id)) {
      const lane = batch === null ? models : `${models}|${batch}`
      assert.equal(pend.get(id), `pend:${tenant}:${lane}`)
      const isOpen = (await redis.sismember(`${prefix}:lanes:${tenant}`, lane)) === 1
      assert.equal(isOpen, !(await isHeld(redis, prefix, batch)), `lane of ${said}`)
      if (isOpen) assert.ok(ring.has(tenant), `${tenant} has work and is not in the ring`)
    }
    assert.equal(models.split(">")[0], model, `lane ${models} of ${said}`)
    await auditTrial(redis, prefix, model)
    const open = job.attempts.filter(({ ended_at }) => ended_at === null)
    assert.equal(open.length, status === "running" ? 1 : 0, `open attempts of ${said}`)
    auditEvents(job)
  }
  for (const tenant of tenants) {
    const own = [...jobs.values()].filter((job) => job.tenant === tenant)
    const counted = await redis.hgetall(`${prefix}:tenant:${tenant}`)
    assert.equal(Number(counted["leased"] ?? 0), own.filter(({ id }) => lease.has(id)).length, "leased")
    assert.deepEqual(await members(`index:${tenant}`), own.map(({ id }) => id).toSorted())
    for (const status of jobStatuses) {
      const ids = own.filter((job) => job.status === status).map(({ id }) => id)
      assert.equal(Number(counted[status] ?? 0), ids.length, `count of ${status}`)
      assert.deepEqual(await members(`index:${tenant}:${status}`), ids.toSorted(), `index of ${status}`)
    }
  }
  await auditTotals(redis, prefix, jobs)
  await auditOutbox(redis, prefix, jobs)
  await auditBatches(redis, prefix, jobs)
  await auditMoney(redis, prefix, jobs)
  await auditLogs(redis, prefix, jobs)
  await auditDeliveries(redis, prefix)
  return jobs
}

async function auditOutbox(redis: Redis, prefix: string, jobs: ReadonlyMap<string, JobRecord>) {
  const announced = (await redis.xrange(`${prefix}:outbox`, "-", "+")).map(([, fields]) => fields[1])
  assert.equal(new Set(announced).size, announced.length, "an event is in the outbox twice")
  for (const { events } of jobs.values()) {
    for (const event of events) assert.ok(announced.includes(event.id), "an event is not in the outbox")
  }
}

async function auditTotals(redis: Redis, prefix: string, jobs: ReadonlyMap<string, JobRecord>) {
  const totals = await redis.hgetall(`${prefix}:totals`)
  for (const status of jobStatuses) {
    const all = [...jobs.values()].filter((job) => job.status === status)
    assert.equal(Number(totals[status] ?? 0), all.length, `total of ${status}`)
  }
}

/** In which lane each waiting job is. */
async function readLanes(
  lanes: readonly string[],
  members: (key: string) => Promise<string[]>,
): Promise<Map<string, string>> {
  const pend = new Map<string, string>()
  for (const lane of lanes) {
    for (const id of await members(lane)) {
      assert.ok(!pend.has(id), `${id} waits in two lanes`)
      pend.set(id, lane)
    }
  }
  return pend
}

/** Whether the jobs of a batch have to wait: it is paused, being canceled, or has as many out as it may. */
async function isHeld(redis: Redis, prefix: string, batch: string | null): Promise<boolean> {
  if (batch === null) return false
  const [state, cancel, parallel, out] = await redis.hmget(
    `${prefix}:batch:${batch}`,
    "state",
    "cancel",
    "parallel",
    "out",
  )
  return state === "paused" || cancel !== null || (parallel !== null && Number(out) >= Number(parallel))
}

const silent = new Set(["job.queued", "job.output"])

/** Whatever a tenant can hear of is in its log, once, in the order in which it happened. */
async function auditLogs(redis: Redis, prefix: string, jobs: ReadonlyMap<string, JobRecord>) {
  const log = createEventLog({ redis, prefix, scripts: createScripts(redis, prefix) })
  for (const tenant of new Set([...jobs.values()].map((job) => job.tenant))) {
    const { events, hasMore } = await log.after(tenant, { after: undefined, limit: 10_000 })
    assert.ok(!hasMore)
    const ids = events.map(({ id }) => id)
    assert.deepEqual(ids, [...new Set(ids)].toSorted())
    for (const job of jobs.values()) {
      if (job.tenant !== tenant) continue
      const told = events.filter(({ subject }) => subject === job.id).map(({ id, type }) => `${id} ${type}`)
      const heard = job.events.filter(({ type }) => !silent.has(type))
      assert.deepEqual(
        told,
        heard.map(({ id, type }) => `${id} ${type}`),
      )
    }
  }
}

/** Who is about to call is out, and with this model. */
function auditStarting(
  key: string,
  ids: readonly string[],
  { jobs, lease }: { jobs: ReadonlyMap<string, JobRecord>; lease: ReadonlySet<string> },
): void {
  for (const id of ids) {
    assert.ok(lease.has(id) && key === `starting:${jobs.get(id)?.model}`, `${id} is not out and in ${key}`)
  }
}

async function readAll(
  redis: Redis,
  prefix: string,
  keys: readonly string[],
): Promise<Map<string, JobRecord>> {
  const jobs = new Map<string, JobRecord>()
  for (const key of keys) {
    const record = decodeJob(key.slice(4), await redis.hgetall(`${prefix}:${key}`))
    assert.ok(record, `${key} is no whole record`)
    jobs.set(record.id, record)
  }
  return jobs
}

/** A circuit is whole, and who tries an open one is known. */
async function auditTrial(redis: Redis, prefix: string, model: string): Promise<void> {
  const circuit = await redis.hget(`${prefix}:circuits`, model)
  if (circuit === null) return
  assert.match(circuit, /^\d+\|\d+\|\d+\|[a-z_]*\|(job_\w+\.\d+)?$/)
  const [, , opens] = circuit.split("|")
  if (opens === "0") assert.ok(circuit.endsWith("|"), "a closed circuit has a trial")
}

/** Each run is queued once, started at most once and ended at most once, in that order. */
function auditEvents({ id, status, events }: JobRecord): void {
  const steps = events.map(({ type }) => type).filter((type) => type !== "job.output")
  const runs = steps.join(" ").split("job.queued").slice(1)
  for (const [index, run] of runs.entries()) {
    const words = run.trim().split(" ").filter(Boolean)
    const ends = words.filter(isTerminal)
    const isLast = index === runs.length - 1
    const said = `${id}: ${steps.join(" ")} while it is ${status}`
    assert.ok(words.filter((word) => word === "job.started").length <= 1, said)
    assert.equal(ends.length, isLast && !isTerminal(status) ? 0 : 1, said)
    if (isLast && isTerminal(status)) assert.equal(ends[0], `job.${status}`, said)
    if (isLast && status === "running") assert.ok(words.includes("job.started"), said)
  }
}
