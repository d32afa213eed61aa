import { newId, type WebhookEndpoint } from "@kiln/contract"
import type { Redis } from "ioredis"

import { filterOf } from "./own-webhook.ts"
import type { Scripts } from "./scripts.ts"
import type { Vault } from "./vault.ts"
import { endpointSecret, type WebhookSecrets } from "./webhook-secrets.ts"

/** Endpoints that a tenant may have: every event is looked at for each of them. */
export const mostWebhookEndpoints = 50

type Asked = Pick<WebhookEndpoint, "url" | "events" | "description" | "enabled" | "headers">
type Changes = { [Name in keyof Asked]?: Asked[Name] | undefined }
type Options = { redis: Redis; scripts: Scripts; prefix: string; vault: Vault; secrets: WebhookSecrets }

const headersOf = (endpoint: string): string => `headers:${endpoint}`

/** The tenants' endpoints. */
export function createWebhookEndpoints({ redis, scripts, prefix, vault, secrets }: Options) {
  const read = async (tenant: string, id: string): Promise<WebhookEndpoint | undefined> => {
    const fields = await redis.hgetall(`${prefix}:endpoint:${id}`)
    return fields["tenant"] === tenant && !fields["own"] ? decodeEndpoint(vault, id, fields) : undefined
  }

  return {
    read,

    async create(
      tenant: string,
      asked: Asked,
    ): Promise<{ kind: "created"; endpoint: WebhookEndpoint; secret: string } | { kind: "full" }> {
      const id = newId("whe")
      const { secret, sealed } = await secrets.make(endpointSecret(id))
      const kind = await scripts.run(
        "keep-endpoint",
        tenant,
        id,
        mostWebhookEndpoints,
        filterOf(asked.events),
        asked.enabled ? "1" : "0",
        ...encodeEndpoint(vault, id, asked),
        "secret",
        sealed,
      )
      if (kind === "full") return { kind }
      const endpoint = await read(tenant, id)
      if (!endpoint) throw new Error(`The endpoint ${id} was deleted while it was being made`)
      return { kind: "created", endpoint, secret }
    },

    /** The endpoint as it is then; undefined when the tenant has no such endpoint. */
    async change(tenant: string, id: string, asked: Changes): Promise<WebhookEndpoint | undefined> {
      await secrets.ensure()
      const { events, enabled } = asked
      const answer = await scripts.run(
        "change-endpoint",
        tenant,
        id,
        ...encodeEndpoint(vault, id, asked),
        ...(events === undefined ? [] : ["events", filterOf(events)]),
        ...(enabled === undefined ? [] : ["enabled", enabled ? "1" : "0"]),
      )
      return answer === "changed" ? read(tenant, id) : undefined
    },

    /** Whether it was there. */
    async remove(tenant: string, id: string): Promise<boolean> {
      return (await scripts.run("forget-endpoint", tenant, id)) === 1
    },

    /** Newest first. */
    async list(tenant: string, { after, limit }: { after?: string | undefined; limit: number }) {
      const high = after === undefined ? "+" : `(${after}`
      const index = `${prefix}:endpoints:${tenant}`
      const ids = await redis.zrange(index, high, "-", "BYLEX", "REV", "LIMIT", 0, limit)
      const found = await Promise.all(ids.map((id) => read(tenant, id)))
      return found.filter((endpoint) => endpoint !== undefined)
    },
  }
}

function encodeEndpoint(vault: Vault, id: string, { url, description, headers }: Changes): string[] {
  return [
    ...(url === undefined ? [] : ["url", url]),
    ...(description === undefined ? [] : ["description", description]),
    ...(headers === undefined ? [] : ["headers", vault.seal(JSON.stringify(headers), headersOf(id))]),
  ]
}

type Fields = Readonly<Record<string, string>>

/** Only the scripts write these. */
function decodeEndpoint(vault: Vault, id: string, fields: Fields): WebhookEndpoint {
  return {
    id,
    object: "webhook_endpoint",
    url: fields["url"] ?? "",
    events: (fields["events"] ?? "").split(" ") as WebhookEndpoint["events"],
    description: fields["description"] ?? "",
    enabled: fields["enabled"] === "1",
    // An empty reason is the tenant's own doing.
    disabled_reason: fields["reason"] === undefined || fields["reason"] === "" ? null : fields["reason"],
    headers: openHeaders(vault, id, fields["headers"]),
    created_at: new Date(Number(fields["created"])).toISOString(),
  }
}

/** The endpoint's own headers. */
export const openHeaders = (vault: Vault, id: string, sealed?: string | null): Record<string, string> =>
  sealed ? (JSON.parse(vault.open(sealed, headersOf(id))) as Record<string, string>) : {}
