export type Convoy = <Answer>(send: () => Promise<Answer>) => Promise<Answer>

/** No step of Redis takes long; this many after each other do not either. */
const mostTogether = 32
/** An answer that is late holds nobody up. */
const longestMs = 5

/**
 * While an answer is out, what is asked next waits for it and then goes together, in one write: under load each roundtrip
 * carries many, and both sides read and write less often. Every command stays a step of its own.
 */
export function createConvoy(): Convoy {
  const waiting: (() => void)[] = []
  let out = 0
  let timer: NodeJS.Timeout | undefined

  function depart(): void {
    clearTimeout(timer)
    timer = undefined
    const leaving = waiting.splice(0, mostTogether)
    out = leaving.length
    if (out === 0) return
    if (waiting.length > 0) timer = setTimeout(depart, longestMs)
    for (const leave of leaving) leave()
  }

  return async (send) => {
    if (out > 0) {
      timer ??= setTimeout(depart, longestMs)
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else {
      out = 1
    }
    try {
      return await send()
    } finally {
      out -= 1
      if (out <= 0) depart()
    }
  }
}
