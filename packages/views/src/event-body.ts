import type { WebhookEvent } from "@kiln/contract"
import type { JobRecord, Ledger, ToldEvent } from "@kiln/ledger"

import { createBatchView } from "./batch-view.ts"
import { fitBatch } from "./fit-batch.ts"
import { fitJob } from "./fit-job.ts"
import type { JobView } from "./job-view.ts"

/** What is told of an event: the body of a webhook, and an entry of the list of events but for its id. */
type Told = Omit<WebhookEvent, "id">

export type TellingOptions = { ledger: Pick<Ledger, "batches">; view: JobView; publicUrl: string }

type ReadJob = (id: string) => JobRecord | undefined | Promise<JobRecord | undefined>
type Telling = {
  told: Told
  /** Until when it would be told in the same words, while its job has no more events than these; absent: not known. */
  same?: { eventCount: number; until: number }
}

/** Says what an event is; a job that is not there was deleted. */
export function createTelling({ ledger, view, publicUrl }: TellingOptions) {
  const batchView = createBatchView({ publicUrl })

  async function batchOf(id: string): Promise<Told["data"]> {
    const record = await ledger.batches.read(id)
    return record ? fitBatch(batchView.of(record, Date.now())) : { id, object: "batch", deleted: true }
  }

  return async (event: ToldEvent, readJob: ReadJob): Promise<Telling> => {
    const { subject, data } = event
    const tell = (told: Told["data"]): Told => ({
      type: event.type,
      timestamp: event.at.toISOString(),
      data: told,
    })
    // Whoever announced it kept it small.
    if (data !== undefined) return { told: tell(data as Record<string, unknown>) }
    if (subject.startsWith("bat_")) return { told: tell(await batchOf(subject)) }
    const record = await readJob(subject)
    if (!record) return { told: tell({ id: subject, object: "job", deleted: true }) }
    const now = Date.now()
    const told = tell(fitJob(await view.of(record)))
    if (record.completedAt === null) return { told }
    return { told, same: { eventCount: record.eventCount, until: view.sameUntil(record, now) } }
  }
}

type Options = TellingOptions & { ledger: Pick<Ledger, "read"> }

/** Events in the words of the contract, with signed URLs of now; as JSON each is under 20 KB. */
export function createEventBody(options: Options) {
  const telling = createTelling(options)
  return async (event: ToldEvent): Promise<Told> => (await telling(event, options.ledger.read)).told
}
export type EventBody = ReturnType<typeof createEventBody>
