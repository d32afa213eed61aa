import type { BatchEvent, operations } from "@kiln/contract"
import type { BatchNote, BatchRecord, Feed, Ledger } from "@kiln/ledger"
import { hasEnded, type BatchView } from "@kiln/views"

import type { BatchItems } from "../batches/batch-items.ts"
import type { FindBatch } from "../batches/find-batch.ts"
import { callerOf } from "../http/call.ts"
import { openEventStream } from "../http/event-stream.ts"
import { watchChanges } from "../http/job-changes.ts"
import type { Handler } from "../http/mount.ts"
import type { OpenWaits } from "../http/open-waits.ts"
import { patienceOf } from "../http/wait.ts"

type Deps = {
  ledger: Ledger
  feed: Pick<Feed, "subscribe">
  findBatch: FindBatch
  batchItems: BatchItems
  batchView: BatchView
  waits: OpenWaits
  closing: AbortSignal
}

/** Events that are read at once. */
const mostAtOnce = 200
/** The feed tells of the batch's own events at once; those of its items are looked for. */
const lookEveryMs = 500

export function watchBatch(deps: Deps): Handler<typeof operations.watchBatch> {
  const { ledger, feed, findBatch, waits, closing } = deps
  return async ({ params: { id } }, { req, res }) => {
    using changes = watchChanges(feed, id)
    const { tenant } = callerOf(res).key
    let batch: BatchRecord | undefined = await findBatch(id, tenant)
    let position = positionOf(req.headers["last-event-id"])
    // 204 is how a server tells an EventSource that there is nothing more to come back for.
    if (
      hasEnded(batch) &&
      position !== undefined &&
      (await ledger.batches.lastNote(id))?.position === position
    ) {
      res.status(204).end()
      return undefined
    }
    using _wait = waits.enter(tenant, "events")
    const patience = patienceOf(res, closing)
    using stream = openEventStream(res, patience)
    while (batch && !patience.aborted) {
      const isLast = hasEnded(batch)
      const notes = await ledger.batches.notes(id, position, mostAtOnce)
      for (const event of await render(batch, notes, deps)) {
        if (patience.aborted) break
        await stream.send({ ...event, id: event.position })
        ;({ position } = event)
      }
      if (req.method === "HEAD" || (isLast && notes.length < mostAtOnce)) break
      if (notes.length < mostAtOnce) await changes.next(lookEveryMs, patience)
      batch = await ledger.batches.read(id)
    }
    stream.end()
    return undefined
  }
}

/** A position in the batch's own stream of events; anything else is the beginning. */
const positionOf = (header: string | string[] | undefined): string | undefined =>
  /^\d{1,15}-\d{1,10}$/.test(String(header)) ? String(header) : undefined

type Rendered = { position: string; type: string; data: BatchEvent }

async function render(
  batch: BatchRecord,
  notes: readonly BatchNote[],
  { ledger, batchItems, batchView }: Deps,
): Promise<Rendered[]> {
  if (notes.length === 0) return []
  const numbers = new Set(notes.flatMap(({ index }) => (index === null ? [] : [index])))
  const sorted = [...numbers].toSorted((a, b) => a - b)
  const marks = await ledger.batches.marks(batch)
  const found = await Array.fromAsync(batchItems.find(batch, sorted, marks))
  const items = new Map(found.map(({ item }) => [item.index, item]))
  const state = batchView.of(batch, Date.now())
  return notes.map(({ position, event, type, index, at }) => {
    const data = index === null ? state : items.get(index)
    // The types of both kinds are those that the ledger's scripts write.
    return { position, type, data: { id: event, type, timestamp: at.toISOString(), data } as BatchEvent }
  })
}
