import type { WebhookEvent } from "@kiln/contract"
import type { Ledger, ToldEvent } from "@kiln/ledger"

import { createBatchView } from "./batch-view.ts"
import { fitBatch } from "./fit-batch.ts"
import { fitJob } from "./fit-job.ts"
import type { JobView } from "./job-view.ts"

/** What is told of an event: the body of a webhook, and an entry of the list of events but for its id. */
type Told = Omit<WebhookEvent, "id">

type Options = { ledger: Pick<Ledger, "read" | "batches">; view: JobView; publicUrl: string }

/** Events in the words of the contract, with signed URLs of now; as JSON each is under 20 KB. */
export function createEventBody({ ledger, view, publicUrl }: Options) {
  const batchView = createBatchView({ publicUrl })

  async function batchOf(id: string): Promise<Told["data"]> {
    const record = await ledger.batches.read(id)
    return record ? fitBatch(batchView.of(record, Date.now())) : { id, object: "batch", deleted: true }
  }

  async function jobOf(id: string): Promise<Told["data"]> {
    const record = await ledger.read(id)
    return record ? fitJob(await view.of(record)) : { id, object: "job", deleted: true }
  }

  async function dataOf({ subject, data }: ToldEvent): Promise<Told["data"]> {
    // Whoever announced it kept it small.
    if (data !== undefined) return data as Record<string, unknown>
    return subject.startsWith("bat_") ? batchOf(subject) : jobOf(subject)
  }

  return async (event: ToldEvent): Promise<Told> => ({
    type: event.type,
    timestamp: event.at.toISOString(),
    data: await dataOf(event),
  })
}
export type EventBody = ReturnType<typeof createEventBody>
