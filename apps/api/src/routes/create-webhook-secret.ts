import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { answerOnce } from "../http/answer-once.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"

type Deps = { ledger: Pick<Ledger, "webhookSecrets" | "idempotency"> }

export function createWebhookSecret({ ledger }: Deps): Handler<typeof operations.createWebhookSecret> {
  return async (_input, exchange) => {
    const { tenant } = callerOf(exchange.res).key
    const request = { route: "createWebhookSecret", status: 200, content: {}, isSecret: true }
    return answerOnce(ledger, exchange, request, async () => {
      const secret = await ledger.webhookSecrets.rotateOwn(tenant)
      return { body: { object: "webhook_secret" as const, secret, created_at: new Date().toISOString() } }
    })
  }
}
