import type { BatchItem, operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import { numbersOf, type BatchItems } from "../batches/batch-items.ts"
import type { FindBatch } from "../batches/find-batch.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { linkNext } from "../http/page-of.ts"

type Deps = {
  ledger: Pick<Ledger, "batches">
  findBatch: FindBatch
  batchItems: BatchItems
  publicUrl: string
}

/** Whether an item has not ended is a bit; whether it waits or runs is in its record. */
const isOpen = (status: string) => status === "queued" || status === "running"

export function listBatchItems(deps: Deps): Handler<typeof operations.listBatchItems> {
  const { ledger, findBatch, batchItems, publicUrl } = deps
  return async ({ params: { id }, query: { limit, after, status } }, { req, res }) => {
    const batch = await findBatch(id, callerOf(res).key.tenant)
    const marks = await ledger.batches.marks(batch)
    const wanted = (index: number) => {
      if (status === undefined) return true
      if (status === "running" && index >= batch.cursor) return false
      const end = marks.endOf(index)
      return isOpen(status) ? end === undefined : end === status
    }
    const data: BatchItem[] = []
    let hasMore = false
    const from = after === undefined ? 0 : after + 1
    for await (const { item } of batchItems.find(batch, numbersOf(batch, wanted, from), marks)) {
      if (status !== undefined && item.status !== status) continue
      hasMore = data.length === limit
      if (hasMore) break
      data.push(item)
    }
    const last = data.at(-1)?.index
    if (hasMore && last !== undefined) linkNext(String(last), { req, res, publicUrl })
    const [first_id, last_id] = [data[0]?.index, last].map((index) =>
      index === undefined ? null : String(index),
    )
    return {
      body: { object: "list", data, has_more: hasMore, first_id: first_id ?? null, last_id: last_id ?? null },
    }
  }
}
