import { idTime, Refusal } from "@kiln/contract"
import type { JobRecord, Ledger } from "@kiln/ledger"

/** Finds a tenant's job. Throws `not_found`, or `job_expired` when its time in the ledger is over. */
export function createFindJob({
  ledger,
  retentionMs,
}: {
  ledger: Pick<Ledger, "read">
  retentionMs: number
}) {
  return async (id: string, tenant: string): Promise<JobRecord> =>
    requireJob(await ledger.read(id), id, tenant, retentionMs)
}
export type FindJob = ReturnType<typeof createFindJob>

function requireJob(record: JobRecord | undefined, id: string, tenant: string, retentionMs: number) {
  if (record?.tenant === tenant) return record
  if (!record && idTime(id).getTime() + retentionMs < Date.now()) {
    throw new Refusal("job_expired", `The job ${id} was removed after its retention time`)
  }
  throw new Refusal("not_found", `There is no job ${id}`)
}
