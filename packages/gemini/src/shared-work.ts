type Running<Result> = { result: Promise<Result>; waiting: number; stop: AbortController }

/**
 * Does a step once for all who ask for it under one name at the same time. Who is aborted waits no longer; the step
 * itself is aborted when nobody waits for it any more.
 */
export function createSharedWork<Result>() {
  const running = new Map<string, Running<Result>>()

  function begin(name: string, step: (signal: AbortSignal) => Promise<Result>): Running<Result> {
    const stop = new AbortController()
    const work = { result: step(stop.signal), waiting: 0, stop }
    running.set(name, work)
    const forget = () => {
      if (running.get(name) === work) running.delete(name)
    }
    work.result.then(forget, forget)
    return work
  }

  return async (
    name: string,
    signal: AbortSignal,
    step: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> => {
    signal.throwIfAborted()
    const work = running.get(name) ?? begin(name, step)
    work.waiting += 1
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const giveUp = () => reject(signal.reason)
    signal.addEventListener("abort", giveUp, { once: true })
    try {
      return await Promise.race([work.result, aborted])
    } finally {
      signal.removeEventListener("abort", giveUp)
      work.waiting -= 1
      if (work.waiting === 0) {
        if (running.get(name) === work) running.delete(name)
        work.stop.abort(new Error("nobody waits for it any more"))
      }
    }
  }
}
