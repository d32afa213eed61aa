import { randomBytes } from "node:crypto"

import { Refusal, type operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { answerOnce } from "../http/answer-once.ts"
import { hashOf } from "../http/known-keys.ts"
import type { Handler } from "../http/mount.ts"

type Deps = { ledger: Pick<Ledger, "apiKeys" | "idempotency"> }

export function createKey({ ledger }: Deps): Handler<typeof operations.createKey> {
  return async ({ body }, exchange) => {
    const content: unknown = exchange.req.body
    const request = { route: "createKey", status: 201, content, isSecret: true }
    return answerOnce(ledger, exchange, request, async () => {
      const expiresAt = body.expires_at === undefined ? null : new Date(body.expires_at)
      if (expiresAt && expiresAt.getTime() <= Date.now()) throw pastExpiry()
      const secret = `kiln_sk_${randomBytes(24).toString("hex")}`
      const key = await ledger.apiKeys.create({
        hash: hashOf(secret),
        tenant: body.tenant,
        scopes: [...new Set(body.scopes)],
        name: body.name ?? null,
        expiresAt,
        dailyBudgetUsd: body.daily_budget_usd ?? null,
        monthlyBudgetUsd: body.monthly_budget_usd ?? null,
      })
      return { headers: { Location: `/v1/keys/${key.id}` }, body: { ...key, key: secret } }
    })
  }
}

function pastExpiry(): Refusal {
  const detail = "must be in the future"
  return new Refusal("invalid_request", `expires_at: ${detail}`, {
    errors: [{ pointer: "/expires_at", code: "invalid_value", detail }],
  })
}
