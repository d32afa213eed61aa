import type { DeliveryStatus, WebhookEventType } from "@kiln/contract"
import type { Redis } from "ioredis"

import type { ToldEvent } from "./deliveries.ts"
import { fieldsOf } from "./fields-of.ts"
import { filterOf } from "./own-webhook.ts"
import type { Scripts } from "./scripts.ts"

type Options = { redis: Redis; scripts: Scripts; prefix: string }

export type Replay = {
  endpoint: string
  since: Date
  until: Date
  types: readonly string[] | undefined
  status: DeliveryStatus | undefined
  dryRun: boolean
}

/** Events that one step of a replay looks at, so that none takes long. */
const replayedAtOnce = 200
const countedAtOnce = 500
/** Events looked through for one page at the most. */
const mostLookedAt = 2_000

/** The events of a tenant, oldest first, each with its place in the log as part of its id. */
export function createEventLog({ redis, scripts, prefix }: Options) {
  return {
    /** Those after `after`, at most `limit` of one type; `cursor` is where to go on. */
    async after(
      tenant: string,
      { after, limit, type }: { after: string | undefined; limit: number; type?: string | undefined },
    ): Promise<{ events: ToldEvent[]; hasMore: boolean; cursor: string | null }> {
      const events: ToldEvent[] = []
      let cursor = after ?? null
      let from = after === undefined ? "-" : `(${placeOf(after)}`
      for (let lookedAt = 0; lookedAt < mostLookedAt;) {
        const step = type === undefined ? limit + 1 : 200
        const entries = await redis.xrange(`${prefix}:log:${tenant}`, from, "+", "COUNT", step)
        for (const [place, flat] of entries) {
          const event = decodeEvent(place, fieldsOf(flat))
          const isAsked = type === undefined || event.type === type
          if (isAsked && events.length === limit) return { events, hasMore: true, cursor }
          if (isAsked) events.push(event)
          cursor = event.id
          from = `(${place}`
        }
        if (entries.length < step) return { events, hasMore: false, cursor }
        lookedAt += entries.length
      }
      return { events, hasMore: true, cursor }
    },

    /** Sends what happened in a time to an endpoint again, in bounded steps until the signal is aborted. */
    async replay(
      tenant: string,
      { endpoint, since, until, types, status, dryRun }: Replay,
      signal: AbortSignal,
    ): Promise<{ kind: "missing" } | { kind: "disabled" } | { kind: "counted"; count: number }> {
      const step = dryRun ? countedAtOnce : replayedAtOnce
      const filters = [types ? filterOf(types) : "", status ?? "", dryRun ? "1" : "0", step] as const
      let from = String(Math.max(0, since.getTime()))
      let count = 0
      for (;;) {
        signal.throwIfAborted()
        const answer = await scripts.run("replay", tenant, endpoint, from, until.getTime(), ...filters)
        const [kind, found = 0, last = ""] = answer as ["missing" | "disabled" | "counted", number?, string?]
        if (kind !== "counted") return { kind }
        count += found
        if (last === "") return { kind, count }
        from = `(${last}`
      }
    },
  }
}

/** Only the scripts write these. */
function decodeEvent(place: string, fields: Readonly<Record<string, string>>): ToldEvent {
  const [ms = "0", sequence = "0"] = place.split("-")
  const seq = Number(sequence).toString(16).padStart(8, "0")
  const time = Number(ms).toString(16).padStart(12, "0")
  return {
    id: `evt_${time}7${seq.slice(0, 3)}8${seq.slice(3)}${fields["tail"] ?? ""}`,
    type: fields["type"] as WebhookEventType,
    at: new Date(Number(ms)),
    subject: fields["subject"] ?? "",
    data: fields["data"] === undefined ? undefined : (JSON.parse(fields["data"]) as unknown),
  }
}

/** The place that an id tells: 12 digits of milliseconds, a 7, 3 digits, an 8, 5 digits. */
function placeOf(event: string): string {
  const digits = event.slice("evt_".length)
  const ms = Number.parseInt(digits.slice(0, 12), 16)
  const sequence = Number.parseInt(digits.slice(13, 16) + digits.slice(17, 22), 16)
  return `${ms}-${sequence}`
}
