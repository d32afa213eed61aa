export type Bell = {
  ring(): void
  /** Resolves at the next ring, at once when it has rung since the last one was heard, or after a time. */
  rings(withinMs: number): Promise<void>
}

/** Wakes one listener; many rings while nobody listens are one. */
export function createBell(): Bell {
  let hasRung = false
  let hear: (() => void) | undefined
  return {
    ring() {
      hasRung = true
      hear?.()
    },
    async rings(withinMs) {
      if (!hasRung) {
        const { promise, resolve } = Promise.withResolvers<void>()
        hear = resolve
        const timer = setTimeout(resolve, withinMs)
        await promise
        clearTimeout(timer)
        hear = undefined
      }
      hasRung = false
    },
  }
}
