import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { noEndpoint } from "./webhook-refusals.ts"

type Deps = { ledger: Pick<Ledger, "webhookEndpoints"> }

export function deleteWebhookEndpoint({ ledger }: Deps): Handler<typeof operations.deleteWebhookEndpoint> {
  return async ({ params: { id } }, { res }) => {
    if (!(await ledger.webhookEndpoints.remove(callerOf(res).key.tenant, id))) throw noEndpoint(id)
    return { body: undefined }
  }
}
