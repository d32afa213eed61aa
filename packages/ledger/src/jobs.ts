import type { Redis } from "ioredis"

import { decodeUnaffordable, type Unaffordable } from "./budget.ts"
import { createConvoy } from "./convoy.ts"
import { handovers, type Handover } from "./handover.ts"
import { encodeOwnWebhook } from "./own-webhook.ts"
import type { FirstForecast, JobPlace } from "./places.ts"
import { decodeJob, encodeJob, type JobRecord, type NewJob } from "./record.ts"
import type { Scripts } from "./scripts.ts"
import type { Vault } from "./vault.ts"
import type { WebhookSecrets } from "./webhook-secrets.ts"

type Idempotency = { key: string; fingerprint: string }

export type Submission = {
  job: NewJob
  idempotency: Idempotency | undefined
  /** What the answer says of its place; absent: its rank among the tenant's own, and no time. */
  forecast?: FirstForecast
}

/** What is told of a new job's place, and to a repeated request again. */
export type FirstPlace = JobPlace

export type Submitted =
  | ({ kind: "created"; ready: Handover[] } & FirstPlace)
  /** The same request came before: it made this job. */
  | ({ kind: "replayed"; id: string } & FirstPlace)
  | { kind: "mismatch" }
  | { kind: "full" }
  | Unaffordable

type Options = {
  redis: Redis
  scripts: Scripts
  prefix: string
  vault: Vault
  secrets: Pick<WebhookSecrets, "ensureOwn">
  idempotencyMs: number
  /** Jobs that a tenant may have waiting. */
  mostQueued: number
  /** Ids that one step hands over at the most, so that no step takes long. */
  mostReady: number
}

/** What callers do to jobs. */
export function createJobs({ redis, scripts, prefix, vault, secrets, ...limits }: Options) {
  const together = createConvoy()
  const fieldsOf = (id: string) => redis.hgetall(`${prefix}:job:${id}`)
  const fieldsRead = new WeakMap<JobRecord, Fields>()
  const read = async (id: string): Promise<JobRecord | undefined> => {
    const fields = await fieldsOf(id)
    const record = decodeJob(id, fields)
    if (record) fieldsRead.set(record, fields)
    return record
  }
  return {
    read,

    /** Whether a job is still just as it was read. */
    async isAsRead(record: JobRecord): Promise<boolean> {
      const before = fieldsRead.get(record)
      return before !== undefined && isSame(before, await fieldsOf(record.id))
    },

    /** Whose job it is and how many events it had: enough to see whether an ended one is still as it was. */
    async glance(id: string): Promise<{ tenant: string | null; eventCount: number }> {
      const [tenant = null, events] = await redis.hmget(`${prefix}:job:${id}`, "tenant", "events")
      return { tenant, eventCount: Number(events ?? 0) }
    },

    async readMany(ids: readonly string[]): Promise<JobRecord[]> {
      const records = await Promise.all(ids.map(read))
      return records.filter((record) => record !== undefined)
    },

    async submit({ job, idempotency, forecast }: Submission): Promise<Submitted> {
      const { webhook, tenant } = job
      if (webhook) await secrets.ensureOwn(tenant)
      const args = [
        job.id,
        idempotency?.key ?? "",
        idempotency?.fingerprint ?? "",
        limits.idempotencyMs,
        limits.mostQueued,
        limits.mostReady,
        forecast ? encodeForecast(forecast) : "0||0|",
        ...encodeJob(job),
        ...(webhook ? Object.entries(encodeOwnWebhook(vault, { tenant, of: "job" }, webhook)).flat() : []),
      ]
      const answer = await together(() => scripts.run("submit", ...args))
      return submittedOf(answer as [string, ...(string | number)[]])
    },

    /** The job that an earlier request with this Idempotency-Key and content made. */
    async madeBefore(tenant: string, { key, fingerprint }: Idempotency): Promise<JobRecord | undefined> {
      const [known, id] = (await redis.get(`${prefix}:idem:${tenant}:${key}`))?.split("|") ?? []
      return known === fingerprint && id !== undefined ? read(id) : undefined
    },
  }
}

type Fields = Readonly<Record<string, string>>

function isSame(a: Fields, b: Fields): boolean {
  let more = 0
  for (const name in b) {
    if (a[name] !== b[name]) return false
    more += 1
  }
  for (const _ in a) more -= 1
  return more === 0
}

function submittedOf(answer: readonly [string, ...(string | number)[]]): Submitted {
  const [kind, second, ...rest] = answer
  switch (kind) {
    case "created":
      return { kind, ...firstPlace([second, ...rest]), ready: handovers(rest.slice(2)) }
    case "replayed":
      return { kind, id: String(second), ...firstPlace(rest) }
    case "mismatch":
    case "full":
      return { kind }
    case "unaffordable":
      return decodeUnaffordable([second ?? "", ...rest])
    default:
      // Ids are unique, so this is an earlier try of ours whose answer was lost; the sweep hands it over.
      return { kind: "created", position: 0, blockedBy: null, etaSeconds: null, ready: [] }
  }
}

const encodeForecast = ({ ahead, endsInMs, perJobMs, blockedBy }: FirstForecast): string =>
  [ahead, endsInMs ?? "", perJobMs, blockedBy ?? ""].join("|")

/** The words of submit.lua: an empty string is nothing. */
const firstPlace = ([position, eta, blocked]: readonly (string | number | undefined)[]): FirstPlace => ({
  position: Number(position ?? 0),
  etaSeconds: eta === undefined || eta === "" ? null : Number(eta),
  blockedBy: blocked === undefined || blocked === "" ? null : String(blocked),
})
