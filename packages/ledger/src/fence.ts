type Options = {
  /** Asks Redis for its time, in milliseconds. */
  readTime: () => Promise<number>
  /** For how long a caller waits for an answer, in milliseconds. */
  answerWithinMs: number
}

export type Fence = {
  /** The time of Redis, in milliseconds, after which what is sent now must not happen. */
  latest(): Promise<number>
  /** Whether a command was refused although its caller still waits: the clocks have moved, and are compared again. */
  isMistaken(error: unknown, sentAt: number): boolean
  /** Compares the clocks again before the next command: there may be another server. */
  forget(): void
}

/** An answer needs its time too. */
const answerShare = 0.9
/** Clocks drift by some milliseconds a minute. */
const compareEveryMs = 30_000

/**
 * For callers that give up: a command that comes to Redis after that must do nothing, as its caller has been told so.
 * Redis's clock decides, compared with this process's; a slow comparison makes the time shorter, never longer.
 */
export function createFence({ readTime, answerWithinMs }: Options): Fence {
  let aheadMs: number | undefined
  let comparedAt = -Infinity
  let comparing: Promise<number> | undefined

  function compare(): Promise<number> {
    comparing ??= readTime()
      .then((redisMs) => {
        comparedAt = performance.now()
        aheadMs = redisMs - comparedAt
        return aheadMs
      })
      .finally(() => {
        comparing = undefined
      })
    return comparing
  }

  return {
    async latest() {
      const ahead = aheadMs ?? (await compare())
      const at = performance.now()
      // Meanwhile what is known goes on being used; should Redis be away, the command itself says so.
      if (at - comparedAt > compareEveryMs) compare().catch(() => {})
      return Math.floor(ahead + at + answerWithinMs * answerShare)
    },
    isMistaken(error, sentAt) {
      const isLate = error instanceof Error && error.message.startsWith("LATE")
      if (!isLate || performance.now() - sentAt >= answerWithinMs * answerShare) return false
      aheadMs = undefined
      return true
    },
    forget() {
      aheadMs = undefined
    },
  }
}
