import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"
import type { EventBody } from "@kiln/views"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { pageOf } from "../http/page-of.ts"

type Deps = { ledger: Pick<Ledger, "events">; eventBody: EventBody; publicUrl: string }

export function listEvents({ ledger, eventBody, publicUrl }: Deps): Handler<typeof operations.listEvents> {
  return async ({ query }, { req, res }) => {
    const { events, hasMore, cursor } = await ledger.events.after(callerOf(res).key.tenant, {
      after: query.after,
      limit: query.limit,
      type: query.type,
    })
    const items = await Promise.all(events.map(async (event) => withId(event.id, await eventBody(event))))
    return { body: pageOf({ items, hasMore, lastId: cursor }, { req, res, publicUrl }) }
  }
}

const withId = <Body extends object>(id: string, body: Body): Body & { id: string } => ({ id, ...body })
