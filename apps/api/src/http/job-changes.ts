import type { Feed } from "@kiln/ledger"

/** The changes of one job, one after the other; a change that comes before it is asked for is not lost. */
export function watchChanges(feed: Pick<Feed, "subscribe">, id: string) {
  let isChanged = false
  let wake: (() => void) | undefined
  const unsubscribe = feed.subscribe(id, () => {
    isChanged = true
    wake?.()
  })
  return {
    /** Resolves at the next change, after `ms` or when the signal is aborted, whichever comes first. */
    async next(ms: number, signal: AbortSignal): Promise<void> {
      if (!isChanged && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const done = () => {
            clearTimeout(timer)
            signal.removeEventListener("abort", done)
            wake = undefined
            resolve()
          }
          const timer = setTimeout(done, ms)
          signal.addEventListener("abort", done, { once: true })
          wake = done
        })
      }
      isChanged = false
    },
    [Symbol.dispose]: unsubscribe,
  }
}
