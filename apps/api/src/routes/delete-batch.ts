import { Refusal, type operations } from "@kiln/contract"
import type { Ledger } from "@kiln/ledger"

import type { FindBatch } from "../batches/find-batch.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"

type Deps = { ledger: Pick<Ledger, "batches">; findBatch: FindBatch }

/** From here on nobody sees the batch; its items and their images are removed by the workers, step by step. */
export function deleteBatch({ ledger, findBatch }: Deps): Handler<typeof operations.deleteBatch> {
  return async ({ params: { id } }, { res }) => {
    const { tenant } = callerOf(res).key
    await findBatch(id, tenant)
    if ((await ledger.batches.act(id, tenant, "remove")) === "active") {
      throw new Refusal("batch_active", `The batch ${id} has not ended yet; cancel it first`)
    }
    return { body: undefined }
  }
}
