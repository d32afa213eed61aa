import { isTerminal } from "@kiln/contract"
import type { Feed, JobRecord, Ledger } from "@kiln/ledger"
import type { Response } from "express"

import { watchChanges } from "./job-changes.ts"

type Deps = { ledger: Pick<Ledger, "read">; feed: Pick<Feed, "subscribe"> }

/** The feed is quick but may be cut off for a moment: then the record is looked at this often. */
export const lookEveryMs = 5_000

/** The record when it is terminal, or as it is after `ms`, or when the signal is aborted; undefined when it is gone. */
export async function untilEnded(
  { ledger, feed }: Deps,
  id: string,
  { ms, signal }: { ms: number; signal: AbortSignal },
): Promise<JobRecord | undefined> {
  const endsAt = performance.now() + ms
  using changes = watchChanges(feed, id)
  for (;;) {
    const record = await ledger.read(id)
    if (!record || isTerminal(record.status)) return record
    const leftMs = endsAt - performance.now()
    if (leftMs <= 0 || signal.aborted) return record
    await changes.next(Math.min(leftMs, lookEveryMs), signal)
  }
}

/** Aborted when the caller hangs up or the process is to stop. */
export function patienceOf(res: Response, closing: AbortSignal): AbortSignal {
  const gone = new AbortController()
  if (res.destroyed) gone.abort()
  res.once("close", () => {
    gone.abort()
  })
  return AbortSignal.any([gone.signal, closing])
}
