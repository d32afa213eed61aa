import type { operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"
import { jobPrefix, type Storage } from "@kiln/storage"

import type { FindJob } from "../find-job.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"

type Deps = {
  ledger: Pick<Ledger, "remove" | "keepImagesUntil">
  storage: Pick<Storage, "removeAll">
  findJob: FindJob
  log: Logger
}

/** Longer than an upstream call that was under way may take. */
const stragglersMs = 600_000

export function deleteJob({ ledger, storage, findJob, log }: Deps): Handler<typeof operations.deleteJob> {
  return async ({ params: { id } }, { res }) => {
    const { tenant } = callerOf(res).key
    const record = await findJob(id, tenant)
    const objects = jobPrefix(record)
    // Told first: neither a crash from here on nor a worker that still stores an image leaves one behind.
    await ledger.keepImagesUntil(objects, new Date(Date.now() + stragglersMs))
    await ledger.remove([id], tenant)
    try {
      await storage.removeAll(objects)
    } catch (error) {
      log.warn({ err: error, job: id }, "images of a deleted job are left to the sweep")
    }
    return { body: undefined }
  }
}
