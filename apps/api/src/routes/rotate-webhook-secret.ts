import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { answerOnce } from "../http/answer-once.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { noEndpoint } from "./webhook-refusals.ts"

type Deps = { ledger: Pick<Ledger, "webhookEndpoints" | "webhookSecrets" | "idempotency"> }

export function rotateWebhookSecret({ ledger }: Deps): Handler<typeof operations.rotateWebhookSecret> {
  return async ({ params: { id } }, exchange) => {
    const { tenant } = callerOf(exchange.res).key
    const request = { route: "rotateWebhookSecret", status: 200, content: { id }, isSecret: true }
    return answerOnce(ledger, exchange, request, async () => {
      const secret = await ledger.webhookSecrets.rotate(tenant, id)
      const endpoint = await ledger.webhookEndpoints.read(tenant, id)
      if (secret === undefined || !endpoint) throw noEndpoint(id)
      return { body: { ...endpoint, secret } }
    })
  }
}
