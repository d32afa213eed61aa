import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"
import type { BatchView } from "@kiln/views"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { pageOf } from "../http/page-of.ts"

type Deps = { ledger: Pick<Ledger, "batches">; batchView: BatchView; publicUrl: string }

export function listBatches({ ledger, batchView, publicUrl }: Deps): Handler<typeof operations.listBatches> {
  return async ({ query }, { req, res }) => {
    const { records, hasMore, cursor } = await ledger.batches.list(callerOf(res).key.tenant, query)
    const now = Date.now()
    const items = records.map((record) => batchView.of(record, now))
    return { body: pageOf({ items, hasMore, lastId: cursor }, { req, res, publicUrl }) }
  }
}
