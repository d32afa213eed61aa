import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { answerOnce } from "../http/answer-once.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { disabledEndpoint, noDelivery } from "./webhook-refusals.ts"

type Deps = { ledger: Pick<Ledger, "deliveryLog" | "idempotency"> }

export function redeliverWebhook({ ledger }: Deps): Handler<typeof operations.redeliverWebhook> {
  return async ({ params: { id } }, exchange) => {
    const { tenant } = callerOf(exchange.res).key
    const request = { route: "redeliverWebhook", status: 202, content: { id }, isSecret: false }
    return answerOnce(ledger, exchange, request, async () => {
      const outcome = await ledger.deliveryLog.again(tenant, id)
      const delivery = await ledger.deliveryLog.read(tenant, id)
      if (outcome === "missing" || !delivery) {
        throw noDelivery(id)
      }
      if (outcome === "disabled") throw disabledEndpoint()
      return { headers: { Location: `/v1/webhook-deliveries/${id}` }, body: delivery }
    })
  }
}
