import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import type { Handler } from "../http/mount.ts"
import { pageOf } from "../http/page-of.ts"

type Deps = { ledger: Pick<Ledger, "apiKeys">; publicUrl: string }

export function listKeys({ ledger, publicUrl }: Deps): Handler<typeof operations.listKeys> {
  return async ({ query: { limit, after, tenant } }, { req, res }) => {
    const found = await ledger.apiKeys.list({
      limit: limit + 1,
      ...(after === undefined ? {} : { after }),
      ...(tenant === undefined ? {} : { tenant }),
    })
    const items = found.slice(0, limit)
    const listed = { items, hasMore: found.length > limit, lastId: items.at(-1)?.id ?? null }
    return { body: pageOf(listed, { req, res, publicUrl }) }
  }
}
