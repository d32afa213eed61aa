import { createManifests, itemsAChunk, itemToExpand, type Manifests, type StoredItem } from "@kiln/batches"
import { itemJobId } from "@kiln/jobs"
import { expandedAtOnce, redoneAtOnce, type BatchRecord, type Handover, type Ledger } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"
import type { Storage } from "@kiln/storage"

import { every } from "../every.ts"
import { storePrompt } from "./prompt-documents.ts"
import { removeBatch } from "./remove-batch.ts"

type Deps = {
  ledger: Pick<Ledger, "batches" | "batchWork" | "keepImagesUntil" | "forgetImages" | "remove">
  storage: Storage
  handOver: (ready: readonly Handover[]) => Promise<void>
  log: Logger
}

/** A batch that was taken gives its first results after this long at the most, and those of the fastest painter. */
const lookMs = 200
const retentionMs = 60_000
const removedAtOnce = 20

/** What batches need of workers: items that become jobs, are canceled or run again. Any worker may do any of it. */
export function runBatches(deps: Deps): AsyncDisposable {
  const { ledger, log } = deps
  const manifests = createManifests(deps)
  const readItems = createReader(manifests)
  const stopping = new AbortController()
  const round = (name: string, periodMs: number, look: () => Promise<void>) =>
    every(look, {
      periodMs,
      onTrouble: (error) => {
        if (error) log.error({ err: error, round: name }, "round failed")
        else log.info({ round: name }, "round works again")
      },
    })
  const rounds = [
    round("batches", lookMs, async () => {
      while (!stopping.signal.aborted) {
        const batch = await ledger.batchWork.take()
        if (!batch) return
        await step(batch, readItems, { ...deps, manifests }).catch((err: unknown) => {
          // It comes back after a while; other batches go on.
          log.error({ err, batch: batch.id }, "a batch does not get on")
        })
      }
    }),
    round("batch retention", retentionMs, async () => forget(ledger, manifests)),
  ]
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await Promise.all(rounds.map((each) => each[Symbol.asyncDispose]()))
    },
  }
}

type ReadItems = (batch: BatchRecord, from: number) => Promise<StoredItem[]>

/** One short step of what is to be done next. */
async function step(
  batch: BatchRecord,
  readItems: ReadItems,
  deps: Deps & { manifests: Manifests },
): Promise<void> {
  const { ledger } = deps
  if (batch.removal !== null) return removeBatch(batch, batch.removal, deps)
  const isLate = batch.deadline !== null && batch.deadline.getTime() <= Date.now()
  if (batch.cancelRequestedAt) return cancelItems(batch, deps)
  if (isLate && batch.cursor < batch.counts.total) return ledger.batchWork.cut(batch.id)
  if (batch.redo !== null) return runAgain(batch, batch.redo, deps)
  if (batch.status === "running") return expand(batch, readItems, deps)
  return undefined
}

async function cancelItems({ id }: BatchRecord, { ledger }: Deps): Promise<void> {
  let cursor = "0"
  do cursor = await ledger.batchWork.stop(id, cursor)
  while (cursor !== "0")
}

async function expand(batch: BatchRecord, readItems: ReadItems, { ledger, storage, handOver }: Deps) {
  const { cursor, counts } = batch
  const stored = cursor < counts.total ? await readItems(batch, cursor) : []
  if (stored.length === 0 && cursor < counts.total) throw new Error(`Item ${cursor} is not in storage`)
  const items = stored.map((item, at) => itemToExpand(item, batch, cursor + at))
  await Promise.all(items.map(async (item) => "job" in item && storePrompt(item.job, storage)))
  const { ready } = await ledger.batchWork.expand(batch, cursor, items)
  await handOver(ready)
}

/** The next items that failed run again; the bits say which they are. */
async function runAgain(batch: BatchRecord, from: number, { ledger, handOver }: Deps): Promise<void> {
  const marks = await ledger.batches.marks(batch)
  const jobs: string[] = []
  let next: number | undefined
  for (let index = from; index < batch.counts.total && next === undefined; index++) {
    const end = marks.endOf(index)
    if (end !== "failed" && end !== "expired") continue
    if (jobs.length === redoneAtOnce) next = index
    else jobs.push(itemJobId(batch.id, index))
  }
  await handOver(await ledger.batchWork.redo(batch.id, { from, next, jobs }))
}

/** Reads the next few items; the object that they lie in is kept for the next step. */
function createReader(manifests: Manifests): ReadItems {
  let kept: { name: string; items: StoredItem[] } | undefined
  return async (batch, from) => {
    const chunk = Math.floor(from / itemsAChunk)
    const name = `${batch.id}/${chunk}`
    if (kept?.name !== name) kept = { name, items: await manifests.chunk(batch, chunk) }
    const start = from % itemsAChunk
    return kept.items.slice(start, start + expandedAtOnce)
  }
}

async function forget(ledger: Deps["ledger"], manifests: Manifests): Promise<void> {
  for (const id of await ledger.batchWork.overdue(new Date(), removedAtOnce)) {
    const batch = await ledger.batches.read(id)
    if (batch) await manifests.remove(batch)
    await ledger.batchWork.remove(id)
  }
}
