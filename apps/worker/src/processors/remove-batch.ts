import type { Manifests } from "@kiln/batches"
import { idTime } from "@kiln/contract"
import { itemJobId } from "@kiln/jobs"
import type { BatchRecord, Ledger } from "@kiln/ledger"
import { jobPrefix, type Storage } from "@kiln/storage"

type Deps = {
  ledger: Pick<Ledger, "batchWork" | "keepImagesUntil" | "forgetImages" | "remove">
  storage: Pick<Storage, "removeAll">
  manifests: Manifests
}

/** Each is a record of a few dozen commands, and a folder or a listing of the bucket. */
const removedAtOnce = 20
/** Longer than an upstream call that was under way when an item was canceled may take. */
const stragglersMs = 600_000

/** Removes the next items of a batch that is to go, and at the end the batch. Twice does no harm. */
export async function removeBatch(batch: BatchRecord, from: number, deps: Deps): Promise<void> {
  const { ledger, manifests } = deps
  // Items that were taken over from another batch are that one's jobs.
  const end = Math.min(batch.cut?.from ?? batch.cursor, batch.counts.total)
  if (from >= end) {
    await manifests.remove(batch)
    return ledger.batchWork.remove(batch.id)
  }
  const next = Math.min(from + removedAtOnce, end)
  await removeItems(batch, { from, next }, deps)
  return ledger.batchWork.removed(batch.id, { from, next })
}

async function removeItems(
  batch: BatchRecord,
  { from, next }: { from: number; next: number },
  { ledger, storage }: Deps,
): Promise<void> {
  const { tenant } = batch
  const ids = Array.from({ length: next - from }, (_, at) => itemJobId(batch.id, from + at))
  const folders = ids.map((id) => jobPrefix({ tenant, createdAt: idTime(id), id }))
  // Told first, so that a crash from here on leaves no image behind.
  const until = new Date(Date.now() + stragglersMs)
  await Promise.all(folders.map((folder) => ledger.keepImagesUntil(folder, until)))
  await ledger.remove(ids, tenant)
  await Promise.all(folders.map((folder) => storage.removeAll(folder)))
  // Only where calls were aborted, or an item was tried again meanwhile, can an image still be on its way.
  const { queued, running, canceled, expired } = batch.counts
  if (queued + running + canceled + expired > 0) return
  await Promise.all(folders.map((folder) => ledger.forgetImages(folder)))
}
