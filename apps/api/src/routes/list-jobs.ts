import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"
import type { JobView } from "@kiln/views"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { pageOf } from "../http/page-of.ts"

type Deps = { ledger: Pick<Ledger, "list">; view: JobView; publicUrl: string }

export function listJobs({ ledger, view, publicUrl }: Deps): Handler<typeof operations.listJobs> {
  return async ({ query }, { req, res }) => {
    const { created_after, created_before, ...filter } = query
    const { records, hasMore, cursor } = await ledger.list(callerOf(res).key.tenant, {
      ...filter,
      createdAfter: created_after === undefined ? undefined : new Date(created_after),
      createdBefore: created_before === undefined ? undefined : new Date(created_before),
    })
    const items = await Promise.all(records.map((record) => view.of(record)))
    return { body: pageOf({ items, hasMore, lastId: cursor }, { req, res, publicUrl }) }
  }
}
