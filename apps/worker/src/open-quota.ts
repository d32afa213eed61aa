import type { CallEnd, Models } from "@kiln/jobs"
import { createQuota, type CallBook, type Quota, type UpstreamOptions } from "@kiln/quota"
import type { Logger } from "@kiln/runtime"

type Options = { calls: CallBook; upstream: UpstreamOptions; models: Models; log: Logger }

/** The upstream's quotas for this worker. What is parked is tried again: its operator may have mended it. */
export async function openQuota({ calls, upstream, models, log }: Options): Promise<Quota> {
  const quota = createQuota({
    ...upstream,
    calls,
    onEnd: (facts) => tellEnd(log, facts),
    onError: (error) => log.warn({ err: error }, "the end of a call was not written down"),
  })
  await quota
    .offer(models.entries(), { frees: true })
    .catch((error: unknown) => log.warn({ err: error }, "parked accounts are not freed"))
  return quota
}

function tellEnd(log: Logger, { end, ...account }: { model: string; project: string; end: CallEnd }): void {
  if (end.kind === "parked") log.warn({ ...account, ...end }, "an account of the upstream is parked")
  else if (end.kind !== "unsent") log.info({ ...account, ...end }, "an account of the upstream answered")
}
