import {
  deliveryStatuses,
  type DeliveryAttempt,
  type DeliveryStatus,
  type WebhookDelivery,
  type WebhookEventType,
} from "@kiln/contract"
import type { Redis } from "ioredis"

import type { DeliveryTry } from "./deliveries.ts"
import type { Scripts } from "./scripts.ts"

export type DeliveryFilter = {
  limit: number
  after?: string | undefined
  endpoint?: string | undefined
  event?: string | undefined
  status?: DeliveryStatus | undefined
}

type Options = { redis: Redis; scripts: Scripts; prefix: string }

/** What became of every delivery, for the tenant to see. */
export function createDeliveryLog({ redis, scripts, prefix }: Options) {
  const read = async (tenant: string, id: string): Promise<WebhookDelivery | undefined> => {
    const fields = await redis.hgetall(`${prefix}:delivery:${id}`)
    return fields["tenant"] === tenant ? decodeDelivery(id, fields) : undefined
  }

  return {
    read,

    /**
     * Newest first, by the time of the event. There is an index for each status; one with none asked for merges them.
     * Another tenant's endpoint has an index too, so every record is looked at for its tenant.
     */
    async list(tenant: string, { limit, after, endpoint, event, status }: DeliveryFilter) {
      const [low, high] = rangeOf({ after, event })
      const statuses = status === undefined ? deliveryStatuses : [status]
      const found = await Promise.all(
        statuses.map((each) =>
          redis.zrange(
            `${prefix}:deliveries:${endpoint ?? tenant}:${each}`,
            high,
            low,
            "BYLEX",
            "REV",
            "LIMIT",
            0,
            limit,
          ),
        ),
      )
      const ids = [...new Set(found.flat())].toSorted().toReversed().slice(0, limit)
      const deliveries = await Promise.all(ids.map((id) => read(tenant, id)))
      return deliveries.filter((delivery) => delivery !== undefined)
    },

    /** Sends it again, with all its tries. */
    async again(tenant: string, id: string): Promise<"missing" | "disabled" | "pending"> {
      return (await scripts.run("deliver-again", id, tenant)) as "pending"
    },

    /** Sends a test to an endpoint: one try. */
    async test(
      tenant: string,
      endpoint: string,
      { nonce, data }: { nonce: string; data: unknown },
    ): Promise<{ kind: "missing" } | { kind: "disabled" } | { kind: "pending"; delivery: WebhookDelivery }> {
      const answer = await scripts.run("test-endpoint", tenant, endpoint, nonce, JSON.stringify(data))
      const [kind, id = ""] = answer as ["missing" | "disabled" | "pending", string?]
      if (kind !== "pending") return { kind }
      const delivery = await read(tenant, id)
      return delivery ? { kind, delivery } : { kind: "missing" }
    },
  }
}

/** An id starts as its event's does, up to the part that is hashed. */
const placeDigits = 22
const placeOf = (event: string): string => event.slice("evt_".length, "evt_".length + placeDigits)

function rangeOf({ after, event }: Pick<DeliveryFilter, "after" | "event">): [low: string, high: string] {
  const upper = after === undefined ? "+" : `(${after}`
  if (event === undefined) return ["-", upper]
  const low = `[dlv_${placeOf(event)}`
  // "g" sorts behind every digit of an id.
  const high = `(dlv_${placeOf(event)}g`
  return [low, after !== undefined && upper < high ? upper : high]
}

type Fields = Readonly<Record<string, string>>

/** Only the scripts write these. */
function decodeDelivery(id: string, fields: Fields): WebhookDelivery {
  const numbers = Object.keys(fields)
    .filter((name) => name.startsWith("a:"))
    .map((name) => Number(name.slice(2)))
    .toSorted((a, b) => a - b)
  return {
    id,
    object: "webhook_delivery",
    event: fields["event"] ?? "",
    event_type: fields["type"] as WebhookEventType,
    endpoint: fields["endpoint"] ?? "",
    status: fields["status"] as DeliveryStatus,
    next_attempt_at: fields["due"] ? new Date(Number(fields["due"])).toISOString() : null,
    attempts: numbers.map((n) => attemptOf(fields[`a:${n}`] ?? "{}")),
    created_at: new Date(Number(fields["created"])).toISOString(),
  }
}

function attemptOf(text: string): DeliveryAttempt {
  // As `record` wrote it.
  const { at, statusCode, ms, error, response } = JSON.parse(text) as Omit<DeliveryTry, "at"> & { at: string }
  return { at, status_code: statusCode, ms, error, response }
}
