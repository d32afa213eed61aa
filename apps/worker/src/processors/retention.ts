import type { Ledger } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"
import type { Storage } from "@kiln/storage"

type Deps = {
  ledger: Pick<Ledger, "overdue" | "remove" | "overdueImages" | "forgetImages">
  storage: Pick<Storage, "removeAll">
  log: Logger
}

/** Records removed in one step: each is a few dozen commands. */
const recordsAtOnce = 100
/** Each is a folder, or a listing of the bucket and a request. */
const foldersAtOnce = 20

/** Removes what is past its time, all of it: a large batch ends on one day. Stops after a step when it is told to. */
export async function enforceRetention(deps: Deps, signal: AbortSignal): Promise<void> {
  await removeRecords(deps, signal)
  await removeImages(deps, signal)
}

async function removeRecords({ ledger, log }: Deps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const ids = await ledger.overdue(new Date(), recordsAtOnce)
    if (ids.length === 0) return
    await ledger.remove(ids)
    log.info({ jobs: ids.length }, "removed jobs past their retention")
  }
}

async function removeImages({ ledger, storage, log }: Deps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const folders = await ledger.overdueImages(new Date(), foldersAtOnce)
    if (folders.length === 0) return
    const removed = await Promise.all(
      folders.map(async (folder) => {
        const objects = await storage.removeAll(folder)
        await ledger.forgetImages(folder)
        return objects
      }),
    )
    const objects = removed.reduce((sum, each) => sum + each, 0)
    log.info({ folders: folders.length, objects }, "removed images past their retention")
  }
}
