import { Refusal, type Batch } from "@kiln/contract"
import type { BatchAct, Ledger } from "@kiln/ledger"
import type { BatchView } from "@kiln/views"

import { callerOf } from "../http/call.ts"
import type { Answer, Exchange } from "../http/mount.ts"
import type { FindBatch } from "./find-batch.ts"

type Deps = { ledger: Pick<Ledger, "batches">; findBatch: FindBatch; batchView: BatchView }

/** Cancels, pauses, resumes or retries; what concerns many items is done by the workers, step by step. */
export const actOnBatch =
  ({ ledger, findBatch, batchView }: Deps, act: Exclude<BatchAct, "remove">) =>
  async ({ params: { id } }: { params: { id: string } }, { res }: Exchange): Promise<Answer<Batch>> => {
    const { tenant } = callerOf(res).key
    await findBatch(id, tenant)
    const outcome = await ledger.batches.act(id, tenant, act)
    const record = await findBatch(id, tenant)
    if (outcome === "terminal") {
      throw new Refusal("batch_terminal", `The batch ${id} is ${record.status}; it cannot be changed so`)
    }
    return { body: batchView.of(record, Date.now()) }
  }
