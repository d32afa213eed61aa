import { lowestIdAt, type BatchStatus } from "@kiln/contract"
import type { Redis } from "ioredis"

import { decodeBatch, type BatchRecord } from "./batch-record.ts"
import { createItemMarks } from "./item-marks.ts"

/** What happened in a batch, in order; `position` is where to go on. */
export type BatchNote = { position: string; event: string; type: string; index: number | null; at: Date }

/** Records looked at for one page at the most. */
const mostLookedAt = 1_000

type BatchPage = { records: BatchRecord[]; hasMore: boolean; cursor: string | null }

/** What is asked of batches. */
export function createBatchReads({ redis, prefix }: { redis: Redis; prefix: string }) {
  const read = async (id: string): Promise<BatchRecord | undefined> => {
    const record = decodeBatch(id, await redis.hgetall(`${prefix}:batch:${id}`))
    return record?.removal === null ? record : undefined
  }

  return {
    read,

    /** Newest first. */
    async list(
      tenant: string,
      {
        limit,
        after,
        status,
      }: { limit: number; after?: string | undefined; status?: BatchStatus | undefined },
    ): Promise<BatchPage> {
      const records: BatchRecord[] = []
      let high = after === undefined ? `(${lowestIdAt("bat", new Date(2 ** 48 - 1))}g` : `(${after}`
      let cursor: string | null = null
      for (let lookedAt = 0; lookedAt < mostLookedAt; lookedAt += limit + 1) {
        const ids = await redis.zrange(
          `${prefix}:batches:${tenant}`,
          high,
          "-",
          "BYLEX",
          "REV",
          "LIMIT",
          0,
          limit + 1,
        )
        for (const record of await Promise.all(ids.map(read))) {
          if (!record || (status !== undefined && record.status !== status)) continue
          if (records.length === limit) return { records, hasMore: true, cursor: records.at(-1)?.id ?? null }
          records.push(record)
        }
        cursor = ids.at(-1) ?? cursor
        if (ids.length <= limit) return { records, hasMore: false, cursor: records.at(-1)?.id ?? null }
        high = `(${cursor}`
      }
      return { records, hasMore: true, cursor }
    },

    ...createItemMarks({ redis, prefix }),

    /** What happened after `position`; from the beginning without one. */
    async notes(id: string, position: string | undefined, most: number): Promise<BatchNote[]> {
      const start = position === undefined ? "-" : `(${position}`
      const rows = await redis.xrange(`${prefix}:batch-events:${id}`, start, "+", "COUNT", most)
      return rows.map(([at, fields]) => noteOf(at, fields))
    },

    /** The last thing that happened. */
    async lastNote(id: string): Promise<BatchNote | undefined> {
      const [last] = await redis.xrevrange(`${prefix}:batch-events:${id}`, "+", "-", "COUNT", 1)
      return last && noteOf(last[0], last[1])
    },
  }
}

function noteOf(position: string, fields: readonly string[]): BatchNote {
  const of = (name: string) => fields[fields.indexOf(name) + 1] ?? ""
  const index = of("index")
  return {
    position,
    event: of("event"),
    type: of("type"),
    index: index === "" ? null : Number(index),
    at: new Date(Number(position.split("-")[0])),
  }
}
