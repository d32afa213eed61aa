import type { WebhookEvent } from "@kiln/contract"
import type { Ledger, ToldEvent } from "@kiln/ledger"

import { fitJob } from "./fit-job.ts"
import type { JobView } from "./job-view.ts"

/** What is told of an event: the body of a webhook, and an entry of the list of events but for its id. */
type Told = Omit<WebhookEvent, "id">

type Reads = Pick<Ledger, "read" | "batches">

/** Events in the words of the contract, with signed URLs of now; as JSON each is under 20 KB. */
export function createEventBody({ ledger, view }: { ledger: Reads; view: JobView }) {
  const dataOf = async ({ subject, data }: ToldEvent): Promise<WebhookEvent["data"]> => {
    // Whoever announced it kept it small.
    if (data !== undefined) return data as Record<string, unknown>
    if (subject.startsWith("bat_")) return batchOf(subject)
    const record = await ledger.read(subject)
    return record ? fitJob(await view.of(record)) : { id: subject, object: "job", deleted: true }
  }
  async function batchOf(id: string): Promise<WebhookEvent["data"]> {
    const batch = await ledger.batches.read(id)
    if (!batch) return { id, object: "batch", deleted: true }
    return { id, object: "batch", name: batch.name, status: batch.status, counts: batch.counts }
  }
  return async (event: ToldEvent): Promise<Told> => ({
    type: event.type,
    timestamp: event.at.toISOString(),
    data: await dataOf(event),
  })
}
export type EventBody = ReturnType<typeof createEventBody>
