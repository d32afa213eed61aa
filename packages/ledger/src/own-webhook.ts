import { createHash } from "node:crypto"

import { endingEvents, type OwnWebhook } from "@kiln/contract"

import type { Vault } from "./vault.ts"

/** Where the webhook of one job or batch goes. */
export type WebhookTarget = { url: string; headers: Record<string, string> }

/** The fields of a job's or a batch's record that say where its events go, and which. */
export function encodeOwnWebhook(
  vault: Vault,
  { tenant, of }: { tenant: string; of: keyof typeof endingEvents },
  { url, events = [...endingEvents[of]], headers = {} }: OwnWebhook,
): { hook: string; hook_to: string } {
  const target: WebhookTarget = { url, headers }
  return {
    hook: `${ownEndpoint(tenant, url)}|${filterOf(events)}`,
    hook_to: vault.seal(JSON.stringify(target), contextOf(tenant)),
  }
}

export const openOwnWebhook = (vault: Vault, tenant: string, sealed: string): WebhookTarget =>
  JSON.parse(vault.open(sealed, contextOf(tenant))) as WebhookTarget

/** A filter of events in one string; `*` stands alone. */
export const filterOf = (events: readonly string[]): string =>
  events.includes("*") ? "*" : [...new Set(events)].join(" ")

const contextOf = (tenant: string): string => `webhook:${tenant}`

/** One lane for each origin: a host that hangs is one host, however many jobs name it. */
function ownEndpoint(tenant: string, url: string): string {
  const hash = createHash("sha256")
    .update(`${tenant} ${new URL(url).origin}`)
    .digest("hex")
  return `whe_${hash.slice(0, 12)}7${hash.slice(13, 16)}8${hash.slice(17, 32)}`
}
