import type { Handover } from "@kiln/ledger"
import type { Producer } from "@kiln/queue"

/** Handovers that wait for the queue at the most; what is dropped is offered again by the workers' sweep. */
const mostWaiting = 50_000

export type HandOver = AsyncDisposable & ((tasks: readonly Handover[]) => void)

/** Gives ready jobs to the queue behind the callers' backs, many in one step: no answer waits for it. */
export function createHandOver(options: {
  producer: Pick<Producer, "add">
  onError: (error: unknown) => void
}): HandOver {
  const { producer, onError } = options
  let waiting: Handover[] = []
  let running: Promise<void> | undefined

  async function flush(): Promise<void> {
    // What arrives in the same turn of the event loop goes in one step.
    await new Promise<void>((resume) => setImmediate(resume))
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      try {
        await producer.add(batch)
      } catch (error) {
        onError(error)
      }
    }
    running = undefined
  }

  const handOver = (tasks: readonly Handover[]): void => {
    if (tasks.length === 0 || waiting.length > mostWaiting) return
    waiting.push(...tasks)
    running ??= flush()
  }
  return Object.assign(handOver, {
    async [Symbol.asyncDispose]() {
      await running
    },
  })
}
