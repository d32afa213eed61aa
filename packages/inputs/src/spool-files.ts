import { randomUUID } from "node:crypto"
import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"

/** Names for images on their way to storage, in one folder of this machine. */
export function createSpoolFiles({ spool }: { spool: string }) {
  return {
    /** Gives the step a name for a file of its own, which is gone afterwards. */
    spooled: async <Result>(step: (path: string) => Promise<Result>): Promise<Result> => {
      // The folder is removed as a leftover by others when this process had nothing to do for a day.
      await mkdir(spool, { recursive: true })
      const path = join(spool, randomUUID())
      try {
        return await step(path)
      } finally {
        await rm(path, { force: true })
      }
    },

    /** A folder for the files of one request. */
    openFolder: async (): Promise<AsyncDisposable & { path: string }> => {
      const path = join(spool, randomUUID())
      await mkdir(path, { recursive: true })
      return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
    },
  }
}
