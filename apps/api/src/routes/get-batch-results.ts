import { once } from "node:events"

import { mostBatchItems, type BatchItem, type operations } from "@kiln/contract"
import { resultHeader, resultLine } from "@kiln/jobs"
import type { BatchRecord, Feed, Ledger } from "@kiln/ledger"
import { hasEnded } from "@kiln/views"
import type { Response } from "express"

import { numbersOf, type BatchItems } from "../batches/batch-items.ts"
import type { FindBatch } from "../batches/find-batch.ts"
import { callerOf } from "../http/call.ts"
import { watchChanges } from "../http/job-changes.ts"
import type { Handler } from "../http/mount.ts"
import type { OpenWaits } from "../http/open-waits.ts"
import { patienceOf } from "../http/wait.ts"

type Deps = {
  ledger: Pick<Ledger, "batches">
  feed: Pick<Feed, "subscribe">
  findBatch: FindBatch
  batchItems: BatchItems
  waits: OpenWaits
  closing: AbortSignal
}

/** How long items that end may be kept back, to be read together. */
const lookEveryMs = 500

const formats = {
  ndjson: {
    type: "application/x-ndjson",
    head: () => "",
    line: (item: BatchItem) => `${JSON.stringify(item)}\n`,
  },
  csv: { type: "text/csv; charset=utf-8; header=present", head: resultHeader, line: resultLine },
} as const

export function getBatchResults(deps: Deps): Handler<typeof operations.getBatchResults> {
  const { findBatch, waits, closing } = deps
  return async ({ params: { id }, query }, { req, res }) => {
    const { tenant } = callerOf(res).key
    const batch = await findBatch(id, tenant)
    const format =
      formats[
        query.format ?? (req.accepts(["application/x-ndjson", "text/csv"]) === "text/csv" ? "csv" : "ndjson")
      ]
    using _wait = waits.enter(tenant, "events")
    res.writeHead(200, {
      "Content-Type": format.type,
      "Content-Disposition": `attachment; filename="${id}.${format === formats.csv ? "csv" : "ndjson"}"`,
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no",
    })
    res.flushHeaders()
    if (req.method === "HEAD") return void res.end()
    const patience = patienceOf(res, closing)
    // A batch may be paused for days.
    req.socket.setTimeout(0)
    await write(res, format.head(), patience)
    await stream(batch, { format, follows: query.follow === "1", res, patience }, deps)
    if (!patience.aborted) res.end()
    else res.destroy()
    return undefined
  }
}

type Sink = {
  format: (typeof formats)["ndjson" | "csv"]
  follows: boolean
  res: Response
  patience: AbortSignal
}

/** Writes each item once it has ended; one that ran again after that is written again. */
async function stream(first: BatchRecord, sink: Sink, { ledger, feed, batchItems }: Deps): Promise<void> {
  using changes = watchChanges(feed, first.id)
  let batch: BatchRecord | undefined = first
  // A batch whose rows are still being read has no items yet.
  const told = new Uint8Array(mostBatchItems)
  while (batch && !sink.patience.aborted) {
    // Looked at before the marks are: what ends in between is seen by the next look.
    const isLast = hasEnded(batch) || !sink.follows
    const marks = await ledger.batches.marks(batch)
    const fresh = numbersOf(batch, (index) => {
      const isOver = marks.endOf(index) !== undefined
      const isNew = isOver && told[index] === 0
      told[index] = isOver ? 1 : 0
      return isNew
    })
    for await (const { item } of batchItems.find(batch, fresh, marks)) {
      if (sink.patience.aborted) return
      await write(sink.res, sink.format.line(item), sink.patience)
    }
    if (isLast) return
    await changes.next(lookEveryMs, sink.patience)
    batch = await ledger.batches.read(first.id)
  }
}

async function write(res: Response, text: string, signal: AbortSignal): Promise<void> {
  if (text === "" || signal.aborted || res.write(text)) return
  await once(res, "drain", { signal }).catch(() => undefined)
}
