import type { Manifests, RowFormat } from "@kiln/batches"
import { newId, Refusal, type ApiKey, type BatchOptions } from "@kiln/contract"
import { toUsd } from "@kiln/jobs"
import type { Ledger, NewBatch, ReadBatch } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"

import { mismatch } from "../http/idempotency-key.ts"
import type { CheckWebhookUrl } from "../webhook-guard.ts"
import type { FindFinished } from "./finished-before.ts"
import type { TakeRows } from "./take-rows.ts"

type Deps = {
  ledger: Pick<Ledger, "batches">
  manifests: Manifests
  takeRows: TakeRows
  findFinished: FindFinished
  checkWebhookUrl: CheckWebhookUrl
  log: Logger
}

export type BatchToSubmit = {
  file: { path: string; format: RowFormat }
  options: BatchOptions
  caller: ApiKey
  idempotency: { key: string; fingerprint: string } | undefined
  signal: AbortSignal
}

const beatMs = 10_000

/** Reads the rows and makes the batch; answers its id, and whether an earlier request had made it. */
export function createSubmitBatch({ ledger, manifests, takeRows, findFinished, log, ...deps }: Deps) {
  return async (given: BatchToSubmit): Promise<{ id: string; isReplayed: boolean }> => {
    const { options, caller } = given
    const batch = newBatch(options, caller)
    const begun = await ledger.batches.begin(batch, given.idempotency)
    switch (begun.kind) {
      case "mismatch":
        throw mismatch()
      case "running":
        throw new Refusal("idempotency_in_progress", "The first request with this key is still running", {
          retryAfterMs: 2_000,
        })
      case "full":
        throw new Refusal("queue_full", "Too many of this tenant's batches have not ended", {
          retryAfterMs: 30_000,
        })
      case "replayed":
        return { id: begun.id, isReplayed: true }
      case "begun":
    }
    try {
      const rows = await read(given, batch)
      if (!(await ledger.batches.create(batch.id, rows))) throw canceled(batch.id)
      return { id: batch.id, isReplayed: false }
    } catch (error) {
      await discard(batch)
      throw error
    }
  }

  async function read({ file, options, caller, signal }: BatchToSubmit, batch: NewBatch): Promise<ReadBatch> {
    if (options.webhook) await deps.checkWebhookUrl(options.webhook.url, "/webhook/url")
    const finished = options.resume && (await findFinished(caller.tenant, options.resume, signal))
    let beaten = performance.now()
    const rows = await takeRows({
      file,
      options,
      batch,
      caller,
      signal,
      finished: finished || undefined,
      async beat() {
        if (performance.now() - beaten < beatMs) return
        beaten = performance.now()
        if (!(await ledger.batches.beat(batch.id))) throw canceled(batch.id)
      },
    })
    if (options.max_cost_usd !== undefined) checkCost(rows, options.max_cost_usd)
    return rows
  }

  /** What is left behind where this fails, too, is removed with the record. */
  async function discard(batch: NewBatch): Promise<void> {
    try {
      await manifests.remove(batch)
      await ledger.batches.drop(batch.id)
    } catch (err) {
      log.warn({ err, batch: batch.id }, "a batch that was refused is left behind")
    }
  }
}
export type SubmitBatch = ReturnType<typeof createSubmitBatch>

const newBatch = (options: BatchOptions, { tenant, id: key }: ApiKey): NewBatch => ({
  id: newId("bat"),
  tenant,
  key,
  name: options.name ?? null,
  priority: options.priority ?? null,
  maxParallel: options.max_parallel ?? null,
  deadlineSeconds: options.deadline_seconds ?? null,
  resumedFrom: options.resume ?? null,
  webhook: options.webhook,
})

const canceled = (id: string) =>
  new Refusal("batch_terminal", `The batch ${id} was canceled while its rows were read`)

function checkCost({ estimatedNanoUsd }: ReadBatch, mostUsd: number): void {
  const estimate = toUsd(estimatedNanoUsd)
  if (estimate !== null && estimate <= mostUsd) return
  const detail =
    estimate === null
      ? `the price of a model is not known, so max_cost_usd of ${mostUsd} cannot be kept`
      : `the estimate of ${estimate} USD is above max_cost_usd of ${mostUsd} USD`
  throw new Refusal("budget_exceeded", detail, {
    errors: [{ pointer: "/max_cost_usd", code: "budget_exceeded", detail }],
  })
}
