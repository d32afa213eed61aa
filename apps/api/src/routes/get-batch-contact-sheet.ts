import { Refusal, type operations } from "@kiln/contract"
import { contactSheet } from "@kiln/images"
import type { BatchRecord, Ledger } from "@kiln/ledger"
import type { Storage } from "@kiln/storage"
import type { JobView } from "@kiln/views"

import { numbersOf, type BatchItems } from "../batches/batch-items.ts"
import type { FindBatch } from "../batches/find-batch.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { patienceOf } from "../http/wait.ts"

type Deps = {
  ledger: Pick<Ledger, "batches">
  storage: Pick<Storage, "open">
  findBatch: FindBatch
  batchItems: BatchItems
  view: Pick<JobView, "hasLostImages">
  closing: AbortSignal
}

const tilesAPage = 200
/** Sheets that one process draws at once: decoding is what the processor is for, but not only for this. */
const mostAtOnce = 2

export function getBatchContactSheet(deps: Deps): Handler<typeof operations.getBatchContactSheet> {
  let atOnce = 0
  return async ({ params: { id }, query: { page } }, { res }) => {
    const batch = await deps.findBatch(id, callerOf(res).key.tenant)
    if (atOnce >= mostAtOnce) {
      throw new Refusal("unavailable", "Too many contact sheets are being drawn", { retryAfterMs: 5_000 })
    }
    atOnce += 1
    try {
      const signal = patienceOf(res, deps.closing)
      const numbers = await succeeded(batch, page, deps)
      if (numbers.length === 0) throw new Refusal("not_found", `There is no picture on page ${page} of ${id}`)
      const sheet = await contactSheet(pictures(batch, numbers, signal, deps), signal)
      res.writeHead(200, {
        "Content-Type": "image/png",
        "Content-Length": sheet.length,
        "Cache-Control": "no-store",
      })
      res.end(sheet)
    } finally {
      atOnce -= 1
    }
    return undefined
  }
}

async function succeeded(batch: BatchRecord, page: number, { ledger }: Deps): Promise<number[]> {
  const marks = await ledger.batches.marks(batch)
  return numbersOf(batch, (index) => marks.endOf(index) === "succeeded")
    .drop((page - 1) * tilesAPage)
    .take(tilesAPage)
    .toArray()
}

/** The first image of each item. */
async function* pictures(
  batch: BatchRecord,
  numbers: readonly number[],
  signal: AbortSignal,
  { ledger, storage, batchItems, view }: Deps,
) {
  const marks = await ledger.batches.marks(batch)
  for await (const { record } of batchItems.find(batch, numbers, marks, signal)) {
    const [output] = record && !view.hasLostImages(record, Date.now()) ? record.outputs.values() : []
    yield output && (await storage.open(output.key, { signal }))?.stream
  }
}
