import type { Logger } from "@kiln/runtime"
import type { Storage } from "@kiln/storage"

import { insist } from "../insist.ts"
import type { Run } from "../running-jobs.ts"

type Work = { run: Pick<Run, "stop" | "leaving">; log: Logger }

/** A storage that is away is no reason to fail jobs; one object that is never readable is, by and by. */
const readingMs = 3_600_000

/** Reads what a job begins from, again and again while storage is in trouble; a deadline ends it earlier. */
export const readPatiently = <Result>(step: () => Promise<Result>, { run, log }: Work): Promise<Result> =>
  insist(
    async () => {
      run.stop.throwIfAborted()
      return step()
    },
    {
      signal: run.stop,
      lastTry: run.leaving,
      forMs: readingMs,
      onError: (error) => {
        if (!run.stop.aborted) log.warn({ err: error }, "storage not readable yet")
      },
    },
  )

/** The same for all that is read from a storage. */
export const patientStorage = (storage: Storage, work: Work): Storage => ({
  ...storage,
  head: (key, signal) => readPatiently(() => storage.head(key, signal), work),
  open: (key, options) => readPatiently(() => storage.open(key, options), work),
})
