import type { JobError } from "@kiln/contract"
import type { Redis } from "ioredis"

import { handovers, type Handover } from "./handover.ts"
import type { Scripts } from "./scripts.ts"

type Options = {
  redis: Redis
  scripts: Scripts
  prefix: string
  retentionMs: number
  mostReady: number
  /** How long a job may be out before it is offered to the queue again, in milliseconds. */
  leaseMs: number
  deadlineError: JobError
}

/** Deadlines in one step, so that none takes long, and steps of one sweep. */
const mostExpired = 100
const mostSteps = 100

/** Nobody was heard for so long: Redis was away, or every worker was. A beat comes every three seconds. */
export const silenceMs = 9_000
/** What workers that live have after an outage to say so: connecting takes up to two seconds, holding comes every three. */
const recoveryMs = 10_000

/** What has to be done again and again, by any process: every step is atomic, so it matters not by which. */
export function createRounds({ redis, scripts, prefix, ...options }: Options) {
  const { retentionMs, mostReady, leaseMs, deadlineError } = options
  return {
    /** Picks the jobs whose turn it is, fairly over the tenants, as far as the window is open. */
    async dispatch(): Promise<Handover[]> {
      return handovers((await scripts.run("dispatch", mostReady)) as (string | number)[])
    },

    /** Ends what is past its deadline and offers again what was handed over and not heard of. */
    async sweep(): Promise<Handover[]> {
      const error = JSON.stringify(deadlineError)
      const ready: Handover[] = []
      for (let step = 0; step < mostSteps; step++) {
        const args = [retentionMs, error, leaseMs, mostReady, mostExpired] as const
        const [due, ...flat] = (await scripts.run("sweep", ...args)) as [number, ...(string | number)[]]
        ready.push(...handovers(flat))
        if (due < mostExpired) break
      }
      return ready
    },

    /** Says that a worker is alive, how many jobs it takes and what it has taken of them. 0 jobs: it leaves. */
    async beat(
      worker: string,
      jobs: number,
      deadAfterMs: number,
      { running, taken }: { running: number; taken: number } = { running: 0, taken: 0 },
    ): Promise<{ alive: number; starvedMs: number }> {
      const args = [worker, jobs, deadAfterMs, running, taken, silenceMs, recoveryMs] as const
      const answer = (await scripts.run("beat", ...args)) as [number, number]
      return { alive: answer[0], starvedMs: answer[1] }
    },

    /** A living worker says which jobs it still does; answers the ids of those that are its own no more. */
    async hold(runs: readonly { id: string; epoch: number }[]): Promise<string[]> {
      if (runs.length === 0) return []
      return (await scripts.run("hold", ...runs.flatMap(({ id, epoch }) => [id, epoch]))) as string[]
    },

    /** Those of the ids whose cancel flag is set: a hint that was lost is found here. */
    async canceledAmong(ids: readonly string[]): Promise<string[]> {
      const flags = await Promise.all(ids.map((id) => redis.hget(`${prefix}:job:${id}`, "cancel")))
      return ids.filter((_, index) => flags[index] === "1")
    },

    /** Ids of jobs whose time in the ledger is over. */
    async overdue(now: Date, most: number): Promise<string[]> {
      return redis.zrangebyscore(`${prefix}:retention`, "-inf", now.getTime(), "LIMIT", 0, most)
    },

    /** Remembers images that are to be removed later than their record. */
    async keepImagesUntil(objects: string, until: Date): Promise<void> {
      await redis.zadd(`${prefix}:images`, until.getTime(), objects)
    },

    async overdueImages(now: Date, most: number): Promise<string[]> {
      return redis.zrangebyscore(`${prefix}:images`, "-inf", now.getTime(), "LIMIT", 0, most)
    },

    async forgetImages(objects: string): Promise<void> {
      await redis.zrem(`${prefix}:images`, objects)
    },
  }
}
