import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { noDelivery } from "./webhook-refusals.ts"

type Deps = { ledger: Pick<Ledger, "deliveryLog"> }

export function getWebhookDelivery({ ledger }: Deps): Handler<typeof operations.getWebhookDelivery> {
  return async ({ params: { id } }, { res }) => {
    const delivery = await ledger.deliveryLog.read(callerOf(res).key.tenant, id)
    if (!delivery) throw noDelivery(id)
    return { body: delivery }
  }
}
