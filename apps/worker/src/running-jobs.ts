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

/** The runs of this process, so that a cancellation from anywhere finds the one that it means. */
export function createRunningJobs() {
  const controllers = new Map<string, (reason: AbortReason) => void>()
  return {
    start(id: string, lockLost: AbortSignal): Run {
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
      const onLost = () => abort("lock_lost")
      lockLost.addEventListener("abort", onLost, { once: true })
      controllers.set(id, abort)
      return {
        stop: stop.signal,
        lost: lost.signal,
        leaving: leaving.signal,
        stoppedBy: () => stoppedBy,
        expireAt(deadline) {
          const inMs = Math.max(0, deadline.getTime() - Date.now())
          if (inMs <= longestTimerMs) timer = setTimeout(() => abort("deadline"), inMs).unref()
        },
        [Symbol.dispose]() {
          clearTimeout(timer)
          lockLost.removeEventListener("abort", onLost)
          if (controllers.get(id) === abort) controllers.delete(id)
        },
      }
    },
    abort(id: string, reason: AbortReason): void {
      controllers.get(id)?.(reason)
    },
    abortAll(reason: AbortReason): void {
      for (const abort of controllers.values()) abort(reason)
    },
    ids: (): string[] => [...controllers.keys()],
  }
}
export type RunningJobs = ReturnType<typeof createRunningJobs>
