import type { Redis } from "ioredis"

import { handovers, type Handover } from "./handover.ts"
import { openFor } from "./model-health.ts"
import { decodeJob, encodeJob, type JobRecord, type NewJob } from "./record.ts"
import type { Scripts } from "./scripts.ts"

type Idempotency = { key: string; fingerprint: string }

export type Submission = {
  job: NewJob
  idempotency: Idempotency | undefined
}

export type Submitted =
  | { kind: "created"; position: number; ready: Handover[] }
  /** The same request came before: it made this job. */
  | { kind: "replayed"; id: string; position: number }
  | { kind: "mismatch" }
  | { kind: "full" }

type Options = {
  redis: Redis
  scripts: Scripts
  prefix: string
  idempotencyMs: number
  /** Jobs that a tenant may have waiting. */
  mostQueued: number
  /** Ids that one step hands over at the most, so that no step takes long. */
  mostReady: number
}

/** Where it waits: each batch has lanes of its own. */
const laneOf = ({ lane, batch }: JobRecord): string => (batch === null ? lane : `${lane}|${batch}`)

/** What callers do to jobs. */
export function createJobs({ redis, scripts, prefix, ...limits }: Options) {
  const read = async (id: string): Promise<JobRecord | undefined> =>
    decodeJob(id, await redis.hgetall(`${prefix}:job:${id}`))
  return {
    read,

    /** Whose job it is and how many events it had: enough to see whether an ended one is still as it was. */
    async glance(id: string): Promise<{ tenant: string | null; eventCount: number }> {
      const [tenant = null, events] = await redis.hmget(`${prefix}:job:${id}`, "tenant", "events")
      return { tenant, eventCount: Number(events ?? 0) }
    },

    async readMany(ids: readonly string[]): Promise<JobRecord[]> {
      const records = await Promise.all(ids.map(read))
      return records.filter((record) => record !== undefined)
    },

    async submit({ job, idempotency }: Submission): Promise<Submitted> {
      const answer = (await scripts.run(
        "submit",
        job.id,
        idempotency?.key ?? "",
        idempotency?.fingerprint ?? "",
        limits.idempotencyMs,
        limits.mostQueued,
        limits.mostReady,
        ...encodeJob(job),
      )) as [string, ...(string | number)[]]
      const [kind, second, ...rest] = answer
      switch (kind) {
        case "created":
          return { kind, position: Number(second), ready: handovers(rest) }
        case "replayed":
          return { kind, id: String(second), position: Number(rest[0]) }
        case "mismatch":
        case "full":
          return { kind }
        default:
          // Ids are unique, so this is an earlier try of ours whose answer was lost; the sweep hands it over.
          return { kind: "created", position: 0, ready: [] }
      }
    },

    /** The job that an earlier request with this Idempotency-Key and content made. */
    async madeBefore(tenant: string, { key, fingerprint }: Idempotency): Promise<JobRecord | undefined> {
      const [known, id] = (await redis.get(`${prefix}:idem:${tenant}:${key}`))?.split("|") ?? []
      return known === fingerprint && id !== undefined ? read(id) : undefined
    },

    /** How many of the tenant's jobs for this model go first, and whether the model rests. */
    async place(
      record: JobRecord,
    ): Promise<{ position: number; blockedBy: string | null; restsUntil: Date | null }> {
      const [rank, rest, circuit] = await Promise.all([
        redis.zrank(`${prefix}:pend:${record.tenant}:${laneOf(record)}`, record.id),
        redis.hget(`${prefix}:rest`, record.model),
        redis.hget(`${prefix}:circuits`, record.model),
      ])
      const [until = "0", reason = ""] = rest?.split("|") ?? []
      const restsUntil = Number(until) > Date.now() ? new Date(Number(until)) : null
      const blockedBy = restsUntil ? reason : (openFor(circuit) ?? record.blockedBy)
      return { position: rank ?? 0, blockedBy, restsUntil }
    },
  }
}
