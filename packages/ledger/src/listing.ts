import { idTime, lowestIdAt, type JobStatus } from "@kiln/contract"
import type { Redis } from "ioredis"

import type { JobRecord } from "./record.ts"

export type JobFilter = {
  limit: number
  after?: string | undefined
  status?: JobStatus | undefined
  type?: string | undefined
  model?: string | undefined
  batch?: string | undefined
  createdAfter?: Date | undefined
  createdBefore?: Date | undefined
  metadata?: Readonly<Record<string, string>> | undefined
}

export type JobPage = {
  records: JobRecord[]
  hasMore: boolean
  /** Where the next page starts; it may lie behind the last record when much was looked through in vain. */
  cursor: string | null
}

type Options = {
  redis: Redis
  prefix: string
  readMany: (ids: readonly string[]) => Promise<JobRecord[]>
}

/** Records looked at for one page at the most: a filter that nothing matches must not read a whole ledger. */
const mostLookedAt = 2_000

/**
 * Lists a tenant's jobs, newest first. The index holds ids of equal score, which Redis keeps in the order of
 * their text; ids start with their time, so ranges of time are ranges of text.
 */
export function createListing({ redis, prefix, readMany }: Options) {
  return async function list(tenant: string, filter: JobFilter): Promise<JobPage> {
    const index = `${prefix}:index:${tenant}${filter.status ? `:${filter.status}` : ""}`
    const low = lowerEnd(filter)
    let high = upperEnd(filter)
    const records: JobRecord[] = []
    let lookedAt = 0
    let cursor: string | null = null
    for (;;) {
      const step = Math.min(200, Math.max(filter.limit + 1 - records.length, selective(filter) ? 100 : 0))
      const ids = await redis.zrange(index, high, low, "BYLEX", "REV", "LIMIT", 0, step)
      const matching = (await readMany(ids)).filter((record) => matches(record, filter))
      records.push(...matching)
      lookedAt += ids.length
      const last = ids.at(-1)
      if (records.length > filter.limit) {
        const page = records.slice(0, filter.limit)
        return { records: page, hasMore: true, cursor: page.at(-1)?.id ?? null }
      }
      if (!last || ids.length < step) return { records, hasMore: false, cursor: records.at(-1)?.id ?? null }
      cursor = last
      if (lookedAt >= mostLookedAt) return { records, hasMore: true, cursor }
      high = `(${last}`
    }
  }
}

/** The items of a batch have its time in their ids. */
function lowerEnd({ createdAfter, batch }: JobFilter): string {
  const ends = [
    ...(createdAfter ? [lowestIdAt("job", new Date(createdAfter.getTime() + 1))] : []),
    ...(batch ? [lowestIdAt("job", idTime(batch))] : []),
  ]
  const highest = ends.toSorted().at(-1)
  return highest ? `(${highest}` : "-"
}

function upperEnd({ after, createdBefore, batch }: JobFilter): string {
  const ends = [
    ...(after ? [after] : []),
    ...(createdBefore ? [lowestIdAt("job", createdBefore)] : []),
    ...(batch ? [lowestIdAt("job", new Date(idTime(batch).getTime() + 1))] : []),
  ]
  const lowest = ends.toSorted()[0]
  return lowest ? `(${lowest}` : "+"
}

const selective = ({ type, model, batch, metadata }: JobFilter) =>
  type !== undefined || model !== undefined || batch !== undefined || metadata !== undefined

function matches(record: JobRecord, filter: JobFilter): boolean {
  return (
    (filter.status === undefined || record.status === filter.status) &&
    (filter.type === undefined || record.type === filter.type) &&
    (filter.model === undefined || record.model === filter.model || record.requestedModel === filter.model) &&
    (filter.batch === undefined || record.batch === filter.batch) &&
    Object.entries(filter.metadata ?? {}).every(([key, value]) => record.spec.metadata[key] === value)
  )
}
