import { Refusal, type operations } from "@kiln/contract"
import { mostWebhookEndpoints, type Ledger } from "@kiln/ledger"

import { answerOnce } from "../http/answer-once.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import type { CheckWebhookUrl } from "../webhook-guard.ts"

type Deps = { ledger: Pick<Ledger, "webhookEndpoints" | "idempotency">; checkWebhookUrl: CheckWebhookUrl }

export function createWebhookEndpoint({
  ledger,
  checkWebhookUrl,
}: Deps): Handler<typeof operations.createWebhookEndpoint> {
  return async ({ body }, exchange) => {
    const { tenant } = callerOf(exchange.res).key
    const content: unknown = exchange.req.body
    const request = { route: "createWebhookEndpoint", status: 201, content, isSecret: true }
    return answerOnce(ledger, exchange, request, async () => {
      await checkWebhookUrl(body.url, "/url")
      const made = await ledger.webhookEndpoints.create(tenant, body)
      if (made.kind === "full") {
        const detail = `A tenant may have ${mostWebhookEndpoints} webhook endpoints; delete one first`
        throw new Refusal("forbidden", detail)
      }
      const { endpoint, secret } = made
      const headers = { Location: `/v1/webhook-endpoints/${endpoint.id}` }
      return { headers, body: { ...endpoint, secret } }
    })
  }
}
