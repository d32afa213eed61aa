import { Refusal, type operations } from "@kiln/contract"
import type { Inputs } from "@kiln/inputs"
import type { BatchView } from "@kiln/views"
import pLimit from "p-limit"

import { batchOptions, formatOf, mostRowBytes, rowsPart } from "../batches/batch-request.ts"
import type { FindBatch } from "../batches/find-batch.ts"
import type { SubmitBatch } from "../batches/submit-batch.ts"
import { callerOf } from "../http/call.ts"
import { idempotencyKeyOf } from "../http/idempotency-key.ts"
import { isMultipart, type Exchange, type Handler } from "../http/mount.ts"
import { receiveBody, receiveForm } from "../http/receive-file.ts"
import { patienceOf } from "../http/wait.ts"

type Deps = {
  inputs: Pick<Inputs, "spooled">
  submitBatch: SubmitBatch
  findBatch: FindBatch
  batchView: BatchView
  closing: AbortSignal
}

/** Batches whose rows are read at once: reading is work, and other callers want their turn. */
const mostAtOnce = 3
const mostWaiting = 100

export function createBatch(deps: Deps): Handler<typeof operations.createBatch> {
  const { inputs, submitBatch, findBatch, batchView, closing } = deps
  const inTurn = pLimit(mostAtOnce)

  const submit = (query: Parameters<typeof batchOptions>[2], { req, res }: Exchange) =>
    inputs.spooled(async (path) => {
      const signal = patienceOf(res, closing)
      if (!isMultipart(req)) formatOf(mediaTypeOf(req.headers["content-type"]), "")
      const into = { target: path, mostBytes: mostRowBytes, signal }
      const file = isMultipart(req) ? await receiveForm(req, rowsPart, into) : await receiveBody(req, into)
      const format = formatOf(file.contentType, file.fileName)
      const options = await batchOptions({ ...file, path }, format, query, signal)
      const sent = idempotencyKeyOf(req, "createBatch", { sha256: file.sha256, options })
      if (inTurn.pendingCount >= mostWaiting) {
        throw new Refusal("unavailable", "Too many batches wait to be read", { retryAfterMs: 5_000 })
      }
      const idempotency = sent && { key: sent.scope, fingerprint: sent.fingerprint }
      const caller = callerOf(res).key
      return inTurn(() => submitBatch({ file: { path, format }, options, caller, idempotency, signal }))
    })

  return async ({ query }, exchange) => {
    const { id, isReplayed } = await submit(query, exchange)
    if (isReplayed) exchange.res.setHeader("Idempotent-Replayed", "true")
    const record = await findBatch(id, callerOf(exchange.res).key.tenant)
    return { headers: { Location: `/v1/batches/${id}` }, body: batchView.atFirst(record) }
  }
}

const mediaTypeOf = (header: string | undefined): string => (header ?? "").split(";", 1)[0]?.trim() ?? ""
