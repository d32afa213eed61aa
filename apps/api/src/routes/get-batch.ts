import { Refusal, type operations } from "@kiln/contract"
import type { Feed, Ledger } from "@kiln/ledger"
import { lookAtBatchAgainIn, type BatchView } from "@kiln/views"

import type { FindBatch } from "../batches/find-batch.ts"
import { untilBatchEnded } from "../batches/wait-for-batch.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import type { OpenWaits } from "../http/open-waits.ts"
import { waitOf } from "../http/prefer.ts"
import { patienceOf } from "../http/wait.ts"

type Deps = {
  ledger: Pick<Ledger, "batches">
  feed: Feed
  findBatch: FindBatch
  batchView: BatchView
  waits: OpenWaits
  closing: AbortSignal
}

export function getBatch(deps: Deps): Handler<typeof operations.getBatch> {
  const { findBatch, batchView, waits, closing } = deps
  return async ({ params: { id }, query }, { req, res }) => {
    const ms = waitOf(req, res, query)
    const { tenant } = callerOf(res).key
    let record = await findBatch(id, tenant)
    if (ms > 0) {
      using _wait = waits.enter(tenant, "wait")
      const later = await untilBatchEnded(deps, record, { ms, signal: patienceOf(res, closing) })
      if (!later) throw new Refusal("not_found", `There is no batch ${id} any more`)
      record = later
    }
    const body = batchView.of(record, Date.now())
    const seconds = lookAtBatchAgainIn(body)
    const headers = seconds === undefined ? {} : { "Retry-After": String(seconds) }
    return { headers, body, conditional: true }
  }
}
