import { Refusal } from "@kiln/contract"
import type { BatchRecord, Ledger } from "@kiln/ledger"

/** Finds a tenant's batch. Throws `not_found`. */
export function createFindBatch({ ledger }: { ledger: Pick<Ledger, "batches"> }) {
  return async (id: string, tenant: string): Promise<BatchRecord> => {
    const record = await ledger.batches.read(id)
    if (record?.tenant !== tenant) throw new Refusal("not_found", `There is no batch ${id}`)
    return record
  }
}
export type FindBatch = ReturnType<typeof createFindBatch>
