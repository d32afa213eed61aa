import type { Redis } from "ioredis"

import { decodeBatch, type BatchRecord } from "./batch-record.ts"
import { silentMs } from "./batches.ts"
import { handovers, type Handover } from "./handover.ts"
import { encodeJob, type NewJob } from "./record.ts"
import type { Scripts } from "./scripts.ts"

type Options = {
  redis: Redis
  scripts: Scripts
  prefix: string
  retentionMs: number
  mostQueued: number
  mostReady: number
}

/** An item that is to become a job; or the id of its job where an earlier batch made it. */
export type ItemToExpand = { job: NewJob } | { takenOver: string }

/** After so long another worker may go on with a batch. */
const takenMs = 15_000

/** Items that become jobs in one step. */
export const expandedAtOnce = 50
/** Items that are run again in one step. */
export const redoneAtOnce = 50

/** What workers do to batches, in steps that are short however large the batch. */
export function createBatchWork({ redis, scripts, prefix, retentionMs, mostQueued, mostReady }: Options) {
  return {
    /** A batch that has work to be done; it is this worker's for a while, which only saves double work. */
    async take(): Promise<BatchRecord | undefined> {
      const [id, flat = []] = (await scripts.run("batch-take", takenMs, silentMs)) as [string?, string[]?]
      if (id === undefined) return undefined
      const fields = Object.fromEntries(
        flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? ""]] : [])),
      )
      return decodeBatch(id, fields)
    },

    /** Makes jobs of the items from `from` on; `next` is where to go on, undefined when another worker has gone on. */
    async expand(
      { id, deadline, deadlineSeconds }: BatchRecord,
      from: number,
      items: readonly ItemToExpand[],
    ): Promise<{ next: number | undefined; ready: Handover[] }> {
      const since =
        deadline && deadlineSeconds !== null
          ? new Date(deadline.getTime() - deadlineSeconds * 1_000)
          : undefined
      const args = items.flatMap((item) => {
        if ("takenOver" in item) return [item.takenOver, 0]
        const fields = encodeJob(item.job, since)
        return [item.job.id, fields.length, ...fields]
      })
      const [kind, next, ...ready] = (await scripts.run(
        "batch-expand",
        id,
        from,
        mostQueued,
        mostReady,
        ...args,
      )) as ["expanded" | "moved", number, ...(string | number)[]]
      return kind === "moved" ? { next: undefined, ready: [] } : { next, ready: handovers(ready) }
    },

    /** Ends what is no job yet when the batch's time is over. */
    async cut(id: string): Promise<void> {
      await scripts.run("batch-cut", id)
    },

    /** Cancels some of the items that have not ended; answers where to go on, `0` when all were seen. */
    async stop(id: string, cursor: string): Promise<string> {
      return String(await scripts.run("batch-stop", id, cursor, retentionMs))
    },

    /** Runs failed items again, those of `jobs`; it stood at `from` and goes on at `next`. */
    async redo(
      id: string,
      { from, next, jobs }: { from: number; next: number | undefined; jobs: readonly string[] },
    ): Promise<Handover[]> {
      const args = [id, from, next ?? "", mostReady, ...jobs]
      const [, ...ready] = (await scripts.run("batch-redo", ...args)) as (string | number)[]
      return handovers(ready)
    },

    /** The items from `from` to before `next` are gone; the removal of the batch goes on at `next`. */
    async removed(id: string, { from, next }: { from: number; next: number }): Promise<void> {
      await scripts.run("batch-removed", id, from, next)
    },

    async overdue(now: Date, most: number): Promise<string[]> {
      return redis.zrangebyscore(`${prefix}:batch-retention`, "-inf", now.getTime(), "LIMIT", 0, most)
    },

    /** Forgets a batch. */
    async remove(id: string): Promise<void> {
      await scripts.run("batch-remove", id)
    },
  }
}
