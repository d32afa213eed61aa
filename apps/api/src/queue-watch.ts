import { idTime } from "@kiln/contract"
import type { Ledger, Survey } from "@kiln/ledger"

/** Looks at the queue at most once in `keptMs`, however many ask. */
export function createQueueWatch({ ledger }: { ledger: Pick<Ledger, "survey"> }, keptMs = 500) {
  let known: Promise<Survey> | undefined
  let asOf = -Infinity
  return (): Promise<Survey> => {
    const now = performance.now()
    if (known && now - asOf < keptMs) return known
    asOf = now
    const looking = ledger.survey().catch((error: unknown) => {
      if (known === looking) known = undefined
      throw error
    })
    known = looking
    return looking
  }
}
export type QueueWatch = ReturnType<typeof createQueueWatch>

/** Seconds since the oldest job that waits for its turn was made; null when none waits. */
export function oldestWaitS({ tenants, now }: Pick<Survey, "tenants" | "now">): number | null {
  const oldest = tenants
    .flatMap(({ lanes }) => lanes.map((lane) => lane.oldest))
    .reduce((a, b) => (a === "" || b < a ? b : a), "")
  return oldest === "" ? null : Math.max(0, now - idTime(oldest).getTime()) / 1_000
}
