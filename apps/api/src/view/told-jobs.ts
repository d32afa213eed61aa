import { isTerminal, type Job } from "@kiln/contract"
import type { JobPlace, JobRecord, Ledger } from "@kiln/ledger"
import { lookAgainIn, type JobView } from "@kiln/views"
import { LRUCache } from "lru-cache"

import { etagOf } from "../http/etag.ts"
import type { Prepared } from "../http/send.ts"

/** `place`: of a job that waits. */
type Told = Prepared & { record: JobRecord; place: JobPlace | null; sameUntil: number }

type Options = { ledger: Pick<Ledger, "glance" | "isAsRead" | "place">; view: JobView }

const mostBytes = 32 * 1024 * 1024
/** Text of JavaScript has up to two bytes a character, and the record says all of it once more. */
const bytesOf = ({ text }: Prepared): number => text.length * 4

/**
 * Answers about jobs as text. Most polls find nothing new: then it is enough to see that the record is as it was, and
 * it is neither decoded nor rendered nor hashed again. One that has ended changes only with an event, so that a glance
 * at the number of its events will do.
 */
export function createToldJobs({ ledger, view }: Options) {
  const kept = new LRUCache<string, Told>({ maxSize: mostBytes, sizeCalculation: bytesOf })

  async function ended(told: Told): Promise<Prepared | undefined> {
    const { tenant, eventCount, id } = told.record
    const seen = await ledger.glance(id)
    return seen.tenant === tenant && seen.eventCount === eventCount ? told : undefined
  }

  async function open({ record, place, ...told }: Told): Promise<Prepared | undefined> {
    // A job that waited will mostly wait still: where it stands now is asked for at once.
    const [isSame, now] = await Promise.all([ledger.isAsRead(record), place ? ledger.place(record) : null])
    if (!isSame) return undefined
    return isSamePlace(place, now) ? told : tell(record, now)
  }

  /** The answer about a job as it is; kept where it can be the same again. */
  async function tell(record: JobRecord, known?: JobPlace | null): Promise<Prepared> {
    const now = Date.now()
    const place = known ?? (record.status === "queued" ? await ledger.place(record) : null)
    const job = await view.of(record, place)
    const text = JSON.stringify(job)
    const prepared: Prepared = { text, etag: etagOf(text), headers: headersOf(job) }
    // What waits for a time is told in other words when that has come.
    if (record.status !== "queued" || record.notBefore === null) {
      kept.set(record.id, { ...prepared, record, place, sameUntil: view.sameUntil(record, now) })
    }
    return prepared
  }

  return {
    /**
     * The answer where the job is as it was when it was asked for before; undefined where it has to be read, and, for
     * who waits for the end, where it had not ended.
     */
    async find(id: string, tenant: string, isWaiting: boolean): Promise<Prepared | undefined> {
      const told = kept.get(id)
      if (told?.record.tenant !== tenant || told.sameUntil <= Date.now()) return undefined
      const hasEnded = isTerminal(told.record.status)
      if (isWaiting && !hasEnded) return undefined
      const found = await (hasEnded ? ended(told) : open(told))
      if (!found) kept.delete(id)
      return found
    },
    tell: (record: JobRecord): Promise<Prepared> => tell(record),
  }
}
export type ToldJobs = ReturnType<typeof createToldJobs>

function headersOf(job: Job): Record<string, string> {
  const seconds = lookAgainIn(job)
  return seconds === undefined ? {} : { "Retry-After": String(seconds) }
}

const isSamePlace = (a: JobPlace | null, b: JobPlace | null): boolean =>
  a?.position === b?.position && a?.blockedBy === b?.blockedBy && a?.etaSeconds === b?.etaSeconds
