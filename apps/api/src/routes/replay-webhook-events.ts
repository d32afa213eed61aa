import { Refusal, type operations, type ReplayRequest } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { answerOnce } from "../http/answer-once.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { disabledEndpoint, noEndpoint } from "./webhook-refusals.ts"

type Deps = { ledger: Pick<Ledger, "events" | "idempotency">; closing: AbortSignal }

export function replayWebhookEvents({
  ledger,
  closing,
}: Deps): Handler<typeof operations.replayWebhookEvents> {
  return async ({ params: { id }, body }, exchange) => {
    const { tenant } = callerOf(exchange.res).key
    const content: unknown = { id, body: exchange.req.body as unknown }
    const request = { route: "replayWebhookEvents", status: 200, content, isSecret: false }
    return answerOnce(ledger, exchange, request, async () => {
      const { types, status, dry_run: dryRun } = body
      const asked = { endpoint: id, ...timeOf(body), types, status, dryRun }
      const replayed = await ledger.events.replay(tenant, asked, closing).catch((error: unknown) => {
        if (!closing.aborted) throw error
        throw new Refusal("unavailable", "Kiln is stopping: some were sent, ask again for the rest")
      })
      if (replayed.kind === "missing") throw noEndpoint(id)
      if (replayed.kind === "disabled") throw disabledEndpoint()
      return { body: { count: replayed.count } }
    })
  }
}

function timeOf({ since, until }: ReplayRequest): { since: Date; until: Date } {
  const time = { since: new Date(since), until: until === undefined ? new Date() : new Date(until) }
  if (time.since <= time.until) return time
  const detail = until === undefined ? "must be in the past" : "must not be after until"
  throw new Refusal("invalid_request", `since: ${detail}`, {
    errors: [{ pointer: "/since", code: "invalid_value", detail }],
  })
}
