import { createManifests } from "@kiln/batches"
import { operations } from "@kiln/contract"
import type { Inputs } from "@kiln/inputs"
import type { Models } from "@kiln/jobs"
import type { Feed, Ledger } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"
import type { Storage } from "@kiln/storage"
import { createBatchView, type JobView, type SignedUrls } from "@kiln/views"
import type { Router } from "express"

import type { FindPrevious } from "../find-previous.ts"
import type { FindTemplate } from "../find-template.ts"
import { mount } from "../http/mount.ts"
import type { OpenWaits } from "../http/open-waits.ts"
import type { ResolveInputs } from "../resolve-inputs.ts"
import { createBatch } from "../routes/create-batch.ts"
import { createEstimate } from "../routes/create-estimate.ts"
import { deleteBatch } from "../routes/delete-batch.ts"
import { getBatchArchive } from "../routes/get-batch-archive.ts"
import { getBatchContactSheet } from "../routes/get-batch-contact-sheet.ts"
import { getBatchResults } from "../routes/get-batch-results.ts"
import { getBatch } from "../routes/get-batch.ts"
import { listBatchItems } from "../routes/list-batch-items.ts"
import { listBatches } from "../routes/list-batches.ts"
import { watchBatch } from "../routes/watch-batch.ts"
import type { CheckWebhookUrl } from "../webhook-guard.ts"
import { actOnBatch } from "./act-on-batch.ts"
import { createBatchItems } from "./batch-items.ts"
import { createEstimateRows } from "./estimate-rows.ts"
import { createFindBatch } from "./find-batch.ts"
import { createFinishedBefore } from "./finished-before.ts"
import { createPrepareItem } from "./prepare-item.ts"
import { createSubmitBatch } from "./submit-batch.ts"
import { createTakeRows } from "./take-rows.ts"

type Options = {
  ledger: Ledger
  feed: Feed
  models: Models
  storage: Storage
  inputs: Inputs
  urls: SignedUrls
  view: JobView
  findTemplate: FindTemplate
  findPrevious: FindPrevious
  resolveInputs: ResolveInputs
  checkWebhookUrl: CheckWebhookUrl
  waits: OpenWaits
  log: Logger
  closing: AbortSignal
  publicUrl: string
}

/** All operations of batches, and what a request or a batch would take. */
export function mountBatches(router: Router, options: Options): void {
  const manifests = createManifests(options)
  const takeRows = createTakeRows({ manifests, prepareItem: createPrepareItem(options) })
  const findFinished = createFinishedBefore({ ...options, manifests })
  const deps = {
    ...options,
    findBatch: createFindBatch(options),
    batchView: createBatchView(options),
    batchItems: createBatchItems({ ...options, manifests }),
    submitBatch: createSubmitBatch({ ...options, manifests, takeRows, findFinished }),
  }
  mount(
    router,
    operations.createEstimate,
    createEstimate({ ...deps, estimateRows: createEstimateRows(deps) }),
  )
  mount(router, operations.createBatch, createBatch(deps))
  mount(router, operations.listBatches, listBatches(deps))
  mount(router, operations.getBatch, getBatch(deps))
  mount(router, operations.listBatchItems, listBatchItems(deps))
  mount(router, operations.cancelBatch, actOnBatch(deps, "cancel"))
  mount(router, operations.pauseBatch, actOnBatch(deps, "pause"))
  mount(router, operations.resumeBatch, actOnBatch(deps, "resume"))
  mount(router, operations.retryFailedItems, actOnBatch(deps, "retry"))
  mount(router, operations.deleteBatch, deleteBatch(deps))
  mount(router, operations.getBatchResults, getBatchResults(deps))
  mount(router, operations.getBatchArchive, getBatchArchive(deps))
  mount(router, operations.getBatchContactSheet, getBatchContactSheet(deps))
  mount(router, operations.watchBatch, watchBatch(deps))
}
