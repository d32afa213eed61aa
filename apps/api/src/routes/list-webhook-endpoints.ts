import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { pageOf } from "../http/page-of.ts"

type Deps = { ledger: Pick<Ledger, "webhookEndpoints">; publicUrl: string }

export function listWebhookEndpoints({
  ledger,
  publicUrl,
}: Deps): Handler<typeof operations.listWebhookEndpoints> {
  return async ({ query: { limit, after } }, { req, res }) => {
    const { tenant } = callerOf(res).key
    const found = await ledger.webhookEndpoints.list(tenant, { after, limit: limit + 1 })
    const items = found.slice(0, limit)
    const listed = { items, hasMore: found.length > limit, lastId: items.at(-1)?.id ?? null }
    return { body: pageOf(listed, { req, res, publicUrl }) }
  }
}
