import { setTimeout as sleep } from "node:timers/promises"

type Options = {
  periodMs: number
  /** Told of the first error of a row, and when it is over with undefined. */
  onTrouble: (error: unknown) => void
}

/** Runs a step again and again, never twice at once, until it is disposed of; a long step hears of that. */
export function every(
  step: (closed: AbortSignal) => Promise<void>,
  { periodMs, onTrouble }: Options,
): AsyncDisposable {
  const closed = new AbortController()
  let troubled = false
  const running = (async () => {
    while (!closed.signal.aborted) {
      try {
        await step(closed.signal)
        if (troubled) onTrouble(undefined)
        troubled = false
      } catch (error) {
        if (!troubled) onTrouble(error)
        troubled = true
      }
      await sleep(periodMs, undefined, { signal: closed.signal }).catch(() => {})
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      closed.abort()
      await running
    },
  }
}
