import type { Storage } from "@kiln/storage"

import { insist, untilMendedMs } from "../insist.ts"
import type { ImageWork } from "./image-work.ts"

/** Keeps calls back while storage is known to fail: a picture that nobody can keep is not to be bought. */
export type StorageGate = {
  /** Waits until storage can be written again; throws `storage_error` when that takes too long. */
  passable(work: Pick<ImageWork, "run" | "log">): Promise<void>
  shut(): void
  open(): void
}

export function createStorageGate(storage: Pick<Storage, "check">): StorageGate {
  // Shut until storage has been seen to work.
  let isShut = true
  return {
    async passable({ run, log }) {
      if (!isShut) return
      await insist(() => storage.check(run.stop), {
        signal: run.stop,
        lastTry: run.leaving,
        // A job's own deadline ends the waiting earlier; a storage that is away is no reason to fail jobs.
        forMs: untilMendedMs,
        onError: (error) => log.warn({ err: error }, "storage not writable yet, nothing is called"),
      })
      isShut = false
    },
    shut: () => void (isShut = true),
    open: () => void (isShut = false),
  }
}
