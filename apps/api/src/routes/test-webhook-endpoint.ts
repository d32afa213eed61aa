import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { answerOnce } from "../http/answer-once.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { disabledEndpoint, noEndpoint } from "./webhook-refusals.ts"

type Deps = { ledger: Pick<Ledger, "deliveryLog" | "idempotency"> }

export function testWebhookEndpoint({ ledger }: Deps): Handler<typeof operations.testWebhookEndpoint> {
  return async ({ params: { id } }, exchange) => {
    const { tenant } = callerOf(exchange.res).key
    const request = { route: "testWebhookEndpoint", status: 202, content: { id }, isSecret: false }
    return answerOnce(ledger, exchange, request, async () => {
      const data = { object: "webhook_test", endpoint: id, message: "A test of this webhook" }
      const sent = await ledger.deliveryLog.test(tenant, id, { nonce: crypto.randomUUID(), data })
      if (sent.kind === "missing") throw noEndpoint(id)
      if (sent.kind === "disabled") throw disabledEndpoint()
      return { headers: { Location: `/v1/webhook-deliveries/${sent.delivery.id}` }, body: sent.delivery }
    })
  }
}
