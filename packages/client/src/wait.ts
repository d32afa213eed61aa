import { isTerminal, operations, type Batch, type Job } from "@kiln/contract"

import type { Client } from "./client.ts"
import { refusalOf } from "./kiln-error.ts"

/** Longest that the API holds an answer, in seconds. */
const longestHoldS = 60
/** How long it holds one for those who want to see the progress. */
const progressHoldS = 2

/** Waits until a job has ended, by asking the API to hold its answer; rejects with the signal's reason. */
export async function waitForJob(client: Client, id: string, signal?: AbortSignal): Promise<Job> {
  for (;;) {
    signal?.throwIfAborted()
    const job = await client.send(operations.getJob, {
      params: { id },
      query: { wait: longestHoldS },
      signal,
    })
    if (isTerminal(job.status)) return job
  }
}

export type WaitForBatch = {
  signal?: AbortSignal | undefined
  /** Called with the batch whenever it has changed. */
  onProgress?: (batch: Batch) => void
}

/** Waits until a batch has ended. A paused batch is waited for, too; rejects with the signal's reason. */
export async function waitForBatch(
  client: Client,
  id: string,
  { signal, onProgress }: WaitForBatch = {},
): Promise<Batch> {
  let etag: string | null = null
  for (;;) {
    signal?.throwIfAborted()
    const response: Response = await client.request(operations.getBatch, {
      params: { id },
      query: { wait: onProgress ? progressHoldS : longestHoldS },
      headers: etag === null ? {} : { "if-none-match": etag },
      signal,
    })
    if (response.status === 304) continue
    if (!response.ok) throw await refusalOf(response)
    etag = response.headers.get("etag")
    const batch = (await response.json()) as Batch
    onProgress?.(batch)
    if (hasEnded(batch)) return batch
  }
}

/** Nothing more will happen in the batch, unless its failed items are run again. */
export const hasEnded = ({ completed_at }: Pick<Batch, "completed_at">): boolean => completed_at !== null
