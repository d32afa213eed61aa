import { isTerminal, type Job } from "@kiln/contract"
import type { JobRecord, Ledger } from "@kiln/ledger"
import type { JobView } from "@kiln/views"
import { LRUCache } from "lru-cache"

import { etagOf } from "../http/etag.ts"
import type { Prepared } from "../http/send.ts"

type Kept = Prepared & { tenant: string; eventCount: number; sameUntil: number }

const mostBytes = 32 * 1024 * 1024

/**
 * Answers about jobs that have ended, as text. Such a job changes only with an event, so a glance at the number of
 * its events replaces reading, rendering and hashing it at every poll.
 */
export function createEndedJobs({ ledger, view }: { ledger: Pick<Ledger, "glance">; view: JobView }) {
  const kept = new LRUCache<string, Kept>({
    maxSize: mostBytes,
    // Text of JavaScript has up to two bytes a character.
    sizeCalculation: ({ text }) => text.length * 2,
  })
  return {
    async find(id: string, tenant: string): Promise<Prepared | undefined> {
      const known = kept.get(id)
      if (known?.tenant !== tenant || known.sameUntil <= Date.now()) return undefined
      const seen = await ledger.glance(id)
      if (seen.tenant === tenant && seen.eventCount === known.eventCount) return known
      kept.delete(id)
      return undefined
    },

    /** Keeps the answer about a job that has ended; undefined when it has not. */
    keep(record: JobRecord, job: Job, now: number): Prepared | undefined {
      if (!isTerminal(record.status)) return undefined
      const text = JSON.stringify(job)
      const { tenant, eventCount } = record
      const answer = { text, etag: etagOf(text), tenant, eventCount, sameUntil: view.sameUntil(record, now) }
      kept.set(record.id, answer)
      return answer
    },
  }
}
export type EndedJobs = ReturnType<typeof createEndedJobs>
