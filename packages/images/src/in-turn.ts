import { availableParallelism } from "node:os"

import pLimit from "p-limit"

/**
 * Images are decoded in libuv's threads, four by default, which files and DNS use as well: one stays free for them.
 * The bound also keeps memory small, as only so many decoders exist however many images wait.
 */
export const atOnce = Math.max(1, Math.min(availableParallelism(), 3))

const limit = pLimit(atOnce)

/** Runs `task` when its turn comes. An abort takes it out of the line; a task that runs is left to finish. */
export async function inTurn<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const leave = () => {
    reject(signal?.reason)
  }
  signal?.addEventListener("abort", leave, { once: true })
  limit(async () => {
    signal?.removeEventListener("abort", leave)
    signal?.throwIfAborted()
    return task()
  }).then(resolve, reject)
  return promise
}
