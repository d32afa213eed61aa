import { setTimeout as sleep } from "node:timers/promises"

type Options = {
  inFlight: number
  total: number
  /** The first ones start evenly over this time, so that they are no herd. */
  spreadMs: number
}

/** Runs a task again and again with so many at once; gives all results. */
export async function keepInFlight<Result>(
  task: () => Promise<Result>,
  { inFlight, total, spreadMs }: Options,
): Promise<Result[]> {
  const results: Result[] = []
  let started = 0
  const lane = async (_: unknown, index: number) => {
    await sleep((spreadMs / inFlight) * index)
    while (started < total) {
      started += 1
      results.push(await task())
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return results
}
