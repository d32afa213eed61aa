import type { operations } from "@kiln/contract"
import { builtInTemplates } from "@kiln/jobs"
import type { Ledger } from "@kiln/ledger"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { pageOf } from "../http/page-of.ts"

type Deps = { ledger: Pick<Ledger, "templates">; publicUrl: string }

export function listTemplates({ ledger, publicUrl }: Deps): Handler<typeof operations.listTemplates> {
  return async ({ query: { limit, after } }, { req, res }) => {
    const { tenant } = callerOf(res).key
    const last = builtInTemplates.findIndex(({ id }) => id === after)
    // Whatever is not built in is an id of the tenant's own, which come last.
    const isPastBuiltIn = after !== undefined && last === -1
    const builtIn = isPastBuiltIn ? [] : builtInTemplates.slice(last + 1)
    const from = { after: isPastBuiltIn ? after : "", limit: limit + 1 }
    const found = [...builtIn, ...(await ledger.templates.list(tenant, from))]
    const items = found.slice(0, limit)
    const listed = { items, hasMore: found.length > limit, lastId: items.at(-1)?.id ?? null }
    return { body: pageOf(listed, { req, res, publicUrl }) }
  }
}
