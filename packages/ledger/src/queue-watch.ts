import type { Survey } from "./survey.ts"

export type QueueWatch = () => Promise<Survey>

/** Looks at the queue at most once in `keptMs`, however many ask. */
export function createQueueWatch(survey: () => Promise<Survey>, keptMs = 500): QueueWatch {
  let known: Promise<Survey> | undefined
  let asOf = -Infinity
  return () => {
    const now = performance.now()
    if (known && now - asOf < keptMs) return known
    asOf = now
    const looking = survey().catch((error: unknown) => {
      if (known === looking) known = undefined
      throw error
    })
    known = looking
    return looking
  }
}
