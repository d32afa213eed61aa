import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { pageOf } from "../http/page-of.ts"

type Deps = { ledger: Pick<Ledger, "deliveryLog">; publicUrl: string }

export function listWebhookDeliveries({
  ledger,
  publicUrl,
}: Deps): Handler<typeof operations.listWebhookDeliveries> {
  return async ({ query: { limit, ...filter } }, { req, res }) => {
    const { tenant } = callerOf(res).key
    const found = await ledger.deliveryLog.list(tenant, { ...filter, limit: limit + 1 })
    const items = found.slice(0, limit)
    const listed = { items, hasMore: found.length > limit, lastId: items.at(-1)?.id ?? null }
    return { body: pageOf(listed, { req, res, publicUrl }) }
  }
}
