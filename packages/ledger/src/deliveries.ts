import { idTime, type WebhookEventType } from "@kiln/contract"
import type { Redis } from "ioredis"

import { fieldsOf } from "./fields-of.ts"
import { openOwnWebhook } from "./own-webhook.ts"
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

/** A delivery that is to be tried now. */
export type TakenDelivery = {
  id: string
  /** Proves that it is still ours. */
  lease: number
  tenant: string
  endpoint: string
  event: ToldEvent
  /** Tries that ended since it was last sent off: 0 at the first. */
  tries: number
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

/** What those who deliver do: each step checks the lease, so that no delivery is recorded twice. */
export function createDeliveries({ redis, scripts, prefix, vault, disableAfterMs }: Options) {
  const failingReason = `No delivery succeeded for ${Math.round(disableAfterMs / 86_400_000)} days`
  return {
    /** Leases what is due, round robin over the endpoints, each with at most `slots` at once: 1 while it fails. */
    async take({ most, slots, leaseMs }: { most: number; slots: number; leaseMs: number }) {
      const [wait, ...rows] = (await scripts.run("deliveries-take", most, slots, leaseMs)) as [
        number | string,
        ...TakenRow[],
      ]
      const taken: TakenDelivery[] = []
      let unreadable = 0
      for (const row of rows) {
        try {
          taken.push(decodeTaken(vault, row))
        } catch {
          unreadable += 1
        }
      }
      return { taken, unreadable, nextInMs: wait === "" ? null : Number(wait) }
    },

    /** Writes down a try and what follows; `disabled` says why the endpoint gets no more. */
    async record(
      { id, lease }: Held,
      tried: DeliveryTry,
      next: AfterTry,
    ): Promise<{ kind: "recorded"; disabled: string | null } | { kind: "fenced" }> {
      const [kind, reason] = (await scripts.run(
        "deliveries-record",
        id,
        lease,
        JSON.stringify(tried),
        next.kind,
        next.kind === "again" ? Math.round(next.inMs) : 0,
        "restMs" in next ? Math.round(next.restMs) : 0,
        disableAfterMs,
        goneReason,
        failingReason,
      )) as ["recorded" | "fenced", string]
      return kind === "fenced" ? { kind } : { kind, disabled: reason === "" ? null : reason }
    },

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

    /** Pending deliveries of the endpoints that have any in their lane. */
    async backlog(): Promise<Map<string, number>> {
      const endpoints = await redis.zrange(`${prefix}:hook-ring`, "0", `${mostBacklogs - 1}`)
      const counts = await Promise.all(
        endpoints.map((id) => redis.zcard(`${prefix}:deliveries:${id}:pending`)),
      )
      return new Map(endpoints.map((id, index) => [id, counts[index] ?? 0]))
    },
  }
}

/** As the script answers: id, lease, the delivery, the endpoint, its job's sealed webhook, the tenant's secrets. */
type TakenRow = [
  id: string,
  lease: number,
  delivery: string[],
  endpoint: string[],
  own: string,
  secrets: string[],
]

function decodeTaken(
  vault: Vault,
  [id, lease, flat, flatEndpoint, own, flatSecrets]: TakenRow,
): TakenDelivery {
  const delivery = fieldsOf(flat)
  const { tenant = "", endpoint = "", event = "", type, subject = "", data } = delivery
  const fields = fieldsOf(flatEndpoint)
  const now = Date.now()
  const target = own
    ? {
        ...openOwnWebhook(vault, tenant, own),
        secrets: openSecrets(vault, fieldsOf(flatSecrets), tenantSecret(tenant), now),
      }
    : {
        url: fields["url"] ?? "",
        headers: openHeaders(vault, endpoint, fields),
        secrets: openSecrets(vault, fields, endpointSecret(endpoint), now),
      }
  return {
    id,
    lease,
    tenant,
    endpoint,
    event: {
      id: event,
      type: type as WebhookEventType,
      at: idTime(event),
      subject,
      data: data === undefined ? undefined : (JSON.parse(data) as unknown),
    },
    tries: Number(delivery["tries"] ?? 0),
    once: delivery["once"] === "1",
    ...target,
  }
}
