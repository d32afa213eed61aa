import { idTime, type WebhookEventType } from "@kiln/contract"
import type { Redis } from "ioredis"

import { fieldsOf } from "./fields-of.ts"
import { inBatches } from "./in-batches.ts"
import { openOwnWebhook } from "./own-webhook.ts"
import { decodeJob, type JobRecord } from "./record.ts"
import type { Scripts } from "./scripts.ts"
import type { Vault } from "./vault.ts"
import { openHeaders } from "./webhook-endpoints.ts"
import { endpointSecret, openSecrets, tenantSecret } from "./webhook-secrets.ts"

/** What came of one try. */
export type DeliveryTry = {
  at: Date
  statusCode: number | null
  ms: number
  error: string | null
  response: string | null
}

/** Something that happened, as it is told to those who listen. */
export type ToldEvent = {
  id: string
  type: WebhookEventType
  at: Date
  /** Id of the job or batch, or the tenant. */
  subject: string
  /** Kept with the event; undefined for events of jobs. */
  data: unknown
}

/** `eventCount` is the record's; reading that takes longer. */
export type TakenJob = { eventCount: number; record(): JobRecord | undefined }

/** A delivery that is to be tried now. */
export type TakenDelivery = {
  id: string
  /** Proves that it is still ours. */
  lease: number
  tenant: string
  endpoint: string
  event: ToldEvent
  /** The job that it tells of, as it was when it was taken; null when it tells of no job, or of one that is deleted. */
  job: TakenJob | null
  /** Tries that ended since it was last sent off: 0 at the first. */
  tries: number
  /** Tries in all. */
  attempts: number
  /** When it was made: with its event, or by a replay. */
  createdAt: Date
  /** A test: tried once, and no mark on its endpoint when it fails. */
  once: boolean
  url: string
  headers: Record<string, string>
  /** The newest first. */
  secrets: string[]
}

/** What follows a try. */
export type AfterTry =
  | { kind: "delivered" }
  /** `restMs`: the whole endpoint rests so long, as its receiver asked. */
  | { kind: "again"; inMs: number; restMs: number }
  | { kind: "exhausted"; restMs: number }
  /** The receiver wants no more, ever. */
  | { kind: "gone" }

type Options = { redis: Redis; scripts: Scripts; prefix: string; vault: Vault; disableAfterMs: number }
type Held = Pick<TakenDelivery, "id" | "lease">

const goneReason = "The receiver answered 410 Gone"
const reapedAtOnce = 200
const mostBacklogs = 1_000
/** One step with so many takes about a millisecond of Redis. */
const recordedAtOnce = 64

/** What those who deliver do: each step checks the lease, so that no delivery is recorded twice. */
export function createDeliveries({ redis, scripts, prefix, vault, disableAfterMs }: Options) {
  const failingReason = `No delivery succeeded for ${Math.round(disableAfterMs / 86_400_000)} days`
  /** Tries that end together are written down in one step. */
  const recordTry = inBatches<EndedTry, RecordedRow>({
    most: recordedAtOnce,
    run: async (tries) =>
      (await scripts.run(
        "deliveries-record",
        disableAfterMs,
        goneReason,
        failingReason,
        ...tries.flatMap(encodeTry),
      )) as RecordedRow[],
  })
  return {
    /** Leases what is due, round robin over the endpoints, each with at most `slots` at once: 1 while it fails. */
    async take({ most, slots, leaseMs }: { most: number; slots: number; leaseMs: number }) {
      const answer = await scripts.run("deliveries-take", most, slots, leaseMs)
      const [wait, endpoints, subjects, ...rows] = answer as TakeAnswer
      const lanes = new Map(endpoints.map((row) => [row[0], row]))
      const jobs = new Map(subjects.map((row) => [row[0], takenJob(row)]))
      const taken: TakenDelivery[] = []
      let unreadable = 0
      for (const row of rows) {
        try {
          taken.push(decodeTaken(vault, row, { lanes, jobs }))
        } catch {
          unreadable += 1
        }
      }
      return { taken, unreadable, nextInMs: wait === "" ? null : Number(wait) }
    },

    /** Writes down a try and what follows; `disabled` says why the endpoint gets no more. */
    record: (held: Held, tried: DeliveryTry, next: AfterTry): Promise<Recorded> =>
      recordTry({ held, tried, next }).then(recordedOf),

    /** Puts it back in its place, with no try noted. */
    async giveBack({ id, lease }: Held): Promise<void> {
      await scripts.run("deliveries-give-back", id, lease)
    },

    /** Frees what dead processes had leased, and removes what is kept no longer. */
    async reap(): Promise<{ lost: number; removed: number }> {
      const total = { lost: 0, removed: 0 }
      for (;;) {
        const [lost, removed] = (await scripts.run("deliveries-reap", reapedAtOnce)) as [number, number]
        total.lost += lost
        total.removed += removed
        if (lost < reapedAtOnce && removed < reapedAtOnce) return total
      }
    },

    /** Pending deliveries of the endpoints that have any in their lane, or on their way: a full lane has no turn. */
    async backlog(): Promise<Map<string, number>> {
      const most = `${mostBacklogs - 1}`
      const [inTurn, leased] = await Promise.all(
        ["hook-ring", "hook-lease"].map((name) => redis.zrange(`${prefix}:${name}`, "0", most)),
      )
      const busy = await Promise.all(
        (leased ?? []).map((id) => redis.hget(`${prefix}:delivery:${id}`, "endpoint")),
      )
      const endpoints = [...new Set([...(inTurn ?? []), ...busy.filter((id) => id !== null)])]
      const counts = await Promise.all(
        endpoints.map((id) => redis.zcard(`${prefix}:deliveries:${id}:pending`)),
      )
      return new Map(endpoints.map((id, index) => [id, counts[index] ?? 0]))
    },
  }
}

type Recorded = { kind: "recorded"; disabled: string | null } | { kind: "fenced" }
type EndedTry = { held: Held; tried: DeliveryTry; next: AfterTry }
type RecordedRow = [kind: "recorded" | "fenced" | "failed", reason?: string]

const encodeTry = ({ held: { id, lease }, tried, next }: EndedTry): (string | number)[] => [
  id,
  lease,
  JSON.stringify(tried),
  next.kind,
  next.kind === "again" ? Math.round(next.inMs) : 0,
  "restMs" in next ? Math.round(next.restMs) : 0,
]

function recordedOf([kind, reason = ""]: RecordedRow): Recorded {
  if (kind === "failed") throw new Error(`The try cannot be written down: ${reason}`)
  return kind === "fenced" ? { kind } : { kind, disabled: reason === "" ? null : reason }
}

type Field = string | null

/** As the script answers. Of a job's own webhook there is no URL, and the secrets are the tenant's. */
type EndpointRow = [id: string, url: Field, headers: Field, secret: Field, old: Field, oldUntil: Field]

/** `own` is the sealed webhook of its job, or empty. */
type TakenRow = [
  id: string,
  lease: number,
  endpoint: string,
  own: string,
  tenant: string,
  event: string,
  type: WebhookEventType,
  subject: string,
  data: Field,
  tries: Field,
  once: Field,
  attempts: Field,
  created: string,
]

type JobRow = [id: string, eventCount: string, fields: string]
type TakeAnswer = [wait: number | string, endpoints: EndpointRow[], jobs: JobRow[], ...taken: TakenRow[]]

const takenJob = ([id, eventCount, fields]: JobRow): TakenJob => ({
  eventCount: Number(eventCount),
  record: () => decodeJob(id, fieldsOf(JSON.parse(fields) as string[])),
})

type Beside = {
  lanes: ReadonlyMap<string, EndpointRow>
  jobs: ReadonlyMap<string, TakenJob>
}

function decodeTaken(vault: Vault, row: TakenRow, { lanes, jobs }: Beside): TakenDelivery {
  const [id, lease, endpoint, own, tenant, event, type, subject, data, tries, once, attempts, created] = row
  return {
    id,
    lease,
    tenant,
    endpoint,
    event: {
      id: event,
      type,
      at: idTime(event),
      subject,
      data: data === null ? undefined : (JSON.parse(data) as unknown),
    },
    job: jobs.get(subject) ?? null,
    tries: Number(tries ?? 0),
    attempts: Number(attempts ?? 0),
    createdAt: new Date(Number(created)),
    once: once === "1",
    ...targetOf(vault, { tenant, own }, lanes.get(endpoint)),
  }
}

/** Where it goes, and what signs it. */
function targetOf(vault: Vault, { tenant, own }: { tenant: string; own: string }, lane?: EndpointRow) {
  if (!lane) throw new Error("A delivery was taken without its endpoint")
  const [endpoint, url, headers, secret, old, oldUntil] = lane
  const context = own ? tenantSecret(tenant) : endpointSecret(endpoint)
  const secrets = openSecrets(vault, { secret, old, oldUntil }, context, Date.now())
  if (own) return { ...openOwnWebhook(vault, tenant, own), secrets }
  return { url: url ?? "", headers: openHeaders(vault, endpoint, headers), secrets }
}
