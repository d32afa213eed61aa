import { setTimeout as sleep } from "node:timers/promises"

type Options = {
  /** Ends the trying with the signal's reason. */
  signal: AbortSignal
  /** When it is aborted the try that is under way is the last one. */
  lastTry: AbortSignal
  /** For how long it is tried, in milliseconds. */
  forMs: number
  /** Told of the first error, and of another every minute: trouble may last for hours. */
  onError: (error: unknown) => void
}

/** For a step whose loss would cost a picture, an attempt or an answer: no outage that somebody mends is longer. */
export const untilMendedMs = 24 * 3_600_000

const firstPauseMs = 100
const longestPauseMs = 4_000
const tellEveryMs = 60_000

/** Tries a step that must not be lost again and again, with doubling pauses; throws the last error after `forMs`. */
export async function insist<Result>(step: () => Promise<Result>, options: Options): Promise<Result> {
  const { signal, lastTry } = options
  const endsAt = Date.now() + options.forMs
  let toldAt = -Infinity
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await step()
    } catch (error) {
      if (Date.now() - toldAt >= tellEveryMs) {
        toldAt = Date.now()
        options.onError(error)
      }
      if (Date.now() + pauseMs > endsAt) throw error
      const either = AbortSignal.any([signal, lastTry])
      await sleep(pauseMs, undefined, { signal: either }).catch(() => {})
      signal.throwIfAborted()
      if (lastTry.aborted) throw error
    }
  }
}
