/** What a promise gives, or the signal's reason, whichever comes first. */
export async function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const leave = () => {
    reject(signal?.reason)
  }
  signal?.addEventListener("abort", leave, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal?.removeEventListener("abort", leave)
  }
}
