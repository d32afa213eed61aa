import { isTerminal, operations, type Job } from "@kiln/contract"

import type { Client } from "./client.ts"

/** Longest that the API holds an answer, in seconds. */
const longestHoldS = 60

/** Waits until a job has ended, by asking the API to hold its answer; rejects with the signal's reason. */
export async function waitForJob(client: Client, id: string, signal?: AbortSignal): Promise<Job> {
  for (;;) {
    signal?.throwIfAborted()
    const job = await client.send(operations.getJob, {
      params: { id },
      query: { wait: longestHoldS },
      ...(signal ? { signal } : {}),
    })
    if (isTerminal(job.status)) return job
  }
}
