import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { noEndpoint } from "./webhook-refusals.ts"

type Deps = { ledger: Pick<Ledger, "webhookEndpoints"> }

export function getWebhookEndpoint({ ledger }: Deps): Handler<typeof operations.getWebhookEndpoint> {
  return async ({ params: { id } }, { res }) => {
    const endpoint = await ledger.webhookEndpoints.read(callerOf(res).key.tenant, id)
    if (!endpoint) throw noEndpoint(id)
    return { body: endpoint }
  }
}
