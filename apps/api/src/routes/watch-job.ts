import { isTerminal, type JobEvent, type operations } from "@kiln/contract"
import type { Feed, JobRecord, Ledger, RecordedEvent } from "@kiln/ledger"
import type { JobView } from "@kiln/views"

import type { FindJob } from "../find-job.ts"
import { callerOf } from "../http/call.ts"
import { openEventStream } from "../http/event-stream.ts"
import { watchChanges } from "../http/job-changes.ts"
import type { Handler } from "../http/mount.ts"
import type { OpenWaits } from "../http/open-waits.ts"
import { lookEveryMs, patienceOf } from "../http/wait.ts"

type Deps = {
  ledger: Ledger
  feed: Feed
  findJob: FindJob
  view: JobView
  waits: OpenWaits
  closing: AbortSignal
}

export function watchJob({
  ledger,
  feed,
  findJob,
  view,
  waits,
  closing,
}: Deps): Handler<typeof operations.watchJob> {
  return async ({ params: { id } }, { req, res }) => {
    using changes = watchChanges(feed, id)
    let record: JobRecord | undefined = await findJob(id, callerOf(res).key.tenant)
    let lastId = String(req.headers["last-event-id"] ?? "")
    // 204 is how a server tells an EventSource that there is nothing more to come back for.
    if (isTerminal(record.status) && record.events.at(-1)?.id === lastId) {
      res.status(204).end()
      return undefined
    }
    using _wait = waits.enter(record.tenant, "events")
    const patience = patienceOf(res, closing)
    using stream = openEventStream(res, patience)
    while (record && !patience.aborted) {
      const news = eventsAfter(record, lastId)
      const data = news.length > 0 ? await view.of(record) : undefined
      for (const { id: eventId, type, at } of news) {
        const event = { id: eventId, type, timestamp: at.toISOString(), data } as JobEvent
        await stream.send({ id: eventId, type, data: event })
        lastId = eventId
      }
      if (isTerminal(record.status) || req.method === "HEAD") break
      await changes.next(lookEveryMs, patience)
      if (!patience.aborted) record = await ledger.read(id)
    }
    stream.end()
    return undefined
  }
}

/** All events when the id is not known: better one twice than one missed. */
const eventsAfter = ({ events }: JobRecord, lastId: string): RecordedEvent[] =>
  events.slice(events.findIndex(({ id }) => id === lastId) + 1)
