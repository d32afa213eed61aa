import type { ModelEntry } from "@kiln/contract"
import pLimit, { type LimitFunction } from "p-limit"

export type CallLimits = {
  /** Runs a call when the process and its model have room; throws the signal's reason when that comes too late. */
  run<Result>(model: ModelEntry, signal: AbortSignal, call: () => Promise<Result>): Promise<Result>
}

/** Bounds the upstream calls in flight: of the process in all, and of each model that has a limit of its own. */
export function createCallLimits({ calls }: { calls: number }): CallLimits {
  const all = pLimit(calls)
  const byModel = new Map<string, LimitFunction>()

  function limitOf(model: ModelEntry): LimitFunction | undefined {
    const most = model.limits.concurrency
    if (!most) return undefined
    const limit = byModel.get(model.id) ?? pLimit(most)
    byModel.set(model.id, limit)
    return limit
  }

  return {
    async run(model, signal, call) {
      signal.throwIfAborted()
      const { promise: aborted, reject } = Promise.withResolvers<never>()
      aborted.catch(() => {})
      const giveUp = () => reject(signal.reason)
      signal.addEventListener("abort", giveUp, { once: true })
      const begin = () => {
        signal.removeEventListener("abort", giveUp)
        signal.throwIfAborted()
        return call()
      }
      const turn = limitOf(model)?.(() => all(begin)) ?? all(begin)
      return Promise.race([turn, aborted])
    },
  }
}
