import type { BatchRecord, Feed, Ledger } from "@kiln/ledger"
import { hasEnded } from "@kiln/views"

import { watchChanges } from "../http/job-changes.ts"

/** The feed tells of progress and of the end; a batch whose reader failed is only seen by looking. */
const lookEveryMs = 1_000

/** The record when the batch has ended, or as it is after `ms`, or when the signal is aborted. */
export async function untilBatchEnded(
  { ledger, feed }: { ledger: Pick<Ledger, "batches">; feed: Pick<Feed, "subscribe"> },
  record: BatchRecord,
  { ms, signal }: { ms: number; signal: AbortSignal },
): Promise<BatchRecord | undefined> {
  const endsAt = performance.now() + ms
  using changes = watchChanges(feed, record.id)
  let latest: BatchRecord | undefined = await ledger.batches.read(record.id)
  while (latest && !hasEnded(latest)) {
    const leftMs = endsAt - performance.now()
    if (leftMs <= 0 || signal.aborted) return latest
    await changes.next(Math.min(leftMs, lookEveryMs), signal)
    latest = await ledger.batches.read(record.id)
  }
  return latest
}
