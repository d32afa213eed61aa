import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import type { CheckWebhookUrl } from "../webhook-guard.ts"
import { noEndpoint } from "./webhook-refusals.ts"

type Deps = { ledger: Pick<Ledger, "webhookEndpoints">; checkWebhookUrl: CheckWebhookUrl }

export function updateWebhookEndpoint({
  ledger,
  checkWebhookUrl,
}: Deps): Handler<typeof operations.updateWebhookEndpoint> {
  return async ({ params: { id }, body }, { res }) => {
    const { tenant } = callerOf(res).key
    if (body.url !== undefined) await checkWebhookUrl(body.url, "/url")
    const endpoint = await ledger.webhookEndpoints.change(tenant, id, body)
    if (!endpoint) throw noEndpoint(id)
    return { body: endpoint }
  }
}
