import type { StopReason } from "@kiln/jobs"

/** Why a run is aborted; `lock_lost`: another worker has the job, and this one may write nothing more. */
export type AbortReason = StopReason | "lock_lost"

/** One execution of a job in this process. */
export type Run = Disposable & {
  /** Aborted with a `Stopped`: stop calling the upstream. */
  stop: AbortSignal
  /** Aborted when the job is lost: stop everything. */
  lost: AbortSignal
  /** Aborted when the process ends: what is under way may end, nothing is tried again. */
  leaving: AbortSignal
  stoppedBy(): AbortReason | undefined
  /** The ledger gave the job to this run. */
  claimed(epoch: number): void
  expireAt(deadline: Date): void
}

export class Stopped extends Error {
  override name = "Stopped"
  readonly reason: AbortReason

  constructor(reason: AbortReason) {
    super(`The run was stopped: ${reason}`)
    this.reason = reason
  }
}

const longestTimerMs = 2 ** 31 - 1

type Entry = { id: string; epoch: number | undefined; abort: (reason: AbortReason) => void }

/** The runs of this process, so that a cancellation from anywhere finds the one that it means. */
export function createRunningJobs() {
  const entries = new Set<Entry>()
  return {
    start(id: string): Run {
      const stop = new AbortController()
      const lost = new AbortController()
      const leaving = new AbortController()
      let timer: NodeJS.Timeout | undefined
      let stoppedBy: AbortReason | undefined
      const abort = (reason: AbortReason) => {
        stoppedBy ??= reason
        stop.abort(new Stopped(reason))
        if (reason === "lock_lost") lost.abort(new Stopped(reason))
        if (reason === "shutdown") leaving.abort(new Stopped(reason))
      }
      const entry: Entry = { id, epoch: undefined, abort }
      entries.add(entry)
      return {
        stop: stop.signal,
        lost: lost.signal,
        leaving: leaving.signal,
        stoppedBy: () => stoppedBy,
        claimed: (epoch) => void (entry.epoch = epoch),
        expireAt(deadline) {
          const inMs = Math.max(0, deadline.getTime() - Date.now())
          if (inMs <= longestTimerMs) timer = setTimeout(() => abort("deadline"), inMs).unref()
        },
        [Symbol.dispose]() {
          clearTimeout(timer)
          entries.delete(entry)
        },
      }
    },
    abort(id: string, reason: AbortReason): void {
      for (const entry of entries) if (entry.id === id) entry.abort(reason)
    },
    /** Another worker has the job: what was claimed under this epoch may write nothing more. */
    lose(id: string, epoch: number): void {
      for (const entry of entries) if (entry.id === id && entry.epoch === epoch) entry.abort("lock_lost")
    },
    abortAll(reason: AbortReason): void {
      for (const { abort } of entries) abort(reason)
    },
    ids: (): string[] => [...new Set(Array.from(entries, ({ id }) => id))],
    /** What was claimed and is not over. */
    claims: (): { id: string; epoch: number }[] =>
      Array.from(entries).flatMap(({ id, epoch }) => (epoch === undefined ? [] : [{ id, epoch }])),
  }
}
export type RunningJobs = ReturnType<typeof createRunningJobs>
