const listeners = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls back when the signal is aborted, until what it gives is called. One signal ends hundreds of posts: a listener for
 * each would make adding and removing one take as long as there are others.
 */
export function whenAborted(signal: AbortSignal, leave: () => void): () => void {
  const known = listeners.get(signal) ?? listenTo(signal)
  known.add(leave)
  return () => known.delete(leave)
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const leaving = new Set<() => void>()
  listeners.set(signal, leaving)
  signal.addEventListener("abort", () => leaving.forEach((leave) => leave()), { once: true })
  return leaving
}
