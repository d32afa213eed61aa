import type { Settlement } from "@kiln/jobs"
import type { Handover, JobRecord, Ledger } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"
import { jobPrefix, type Storage } from "@kiln/storage"

import { insist, untilMendedMs } from "../insist.ts"
import type { Run } from "../running-jobs.ts"
import type { AttemptTotals } from "./attempt-totals.ts"
import { keepText } from "./keep-text.ts"

export type WriteEnd = (end: {
  record: JobRecord
  epoch: number
  settlement: Settlement
  totals: AttemptTotals
  run: Run
  log: Logger
}) => Promise<void>

type Deps = {
  ledger: Pick<Ledger, "settle" | "keepImagesUntil">
  storage: Storage
  /** Gives the next jobs to the queue. */
  handOver: (ready: readonly Handover[]) => Promise<void>
  retentionMs: number
  imageRetentionMs: number | undefined
}

/** Writes the end of an attempt into the ledger, which announces it in the same step. */
export function createWriteEnd(deps: Deps): WriteEnd {
  const { ledger, storage, handOver, imageRetentionMs } = deps
  return async ({ record, epoch, settlement, totals, run, log }) => {
    const trying = { signal: run.lost, lastTry: run.leaving, forMs: untilMendedMs }
    const end = {
      settlement,
      upstreamStatus: totals.upstreamStatus(),
      charged: totals.charged(),
      health: totals.health(),
      spent: totals.spent(),
      payer: record,
      ...(await keepText({ record, epoch, totals, run, log }, storage)),
      pictures: picturesOf(settlement, totals, deps),
    }
    const settled = await insist(() => ledger.settle({ id: record.id, epoch }, end), {
      ...trying,
      onError: (error) => log.warn({ err: error }, "attempt not settled yet"),
    })
    logEnd(log, settlement, totals)
    if (settled.kind === "gone") await storage.removeAll(jobPrefix(record))
    if (settled.kind !== "settled") return
    // The sweep hands over what this does not.
    await handOver(settled.ready).catch((error: unknown) =>
      log.warn({ err: error }, "jobs not handed over yet"),
    )
    if (imageRetentionMs === undefined || settlement.kind !== "end") return
    const until = new Date(Date.now() + imageRetentionMs)
    await insist(() => ledger.keepImagesUntil(jobPrefix(record), until), {
      ...trying,
      onError: (error) => log.warn({ err: error }, "retention not noted yet"),
    })
  }
}

/** What may answer an identical job later: images that are all there, as long as they and their record are kept. */
function picturesOf(
  settlement: Settlement,
  totals: AttemptTotals,
  { retentionMs, imageRetentionMs = Infinity }: Pick<Deps, "retentionMs" | "imageRetentionMs">,
) {
  const fingerprint = totals.fingerprint()
  const isWhole = settlement.kind === "end" && settlement.status === "succeeded" && !settlement.shortfall
  if (!isWhole || fingerprint === undefined) return undefined
  return { fingerprint, forMs: Math.min(retentionMs, imageRetentionMs) }
}

function logEnd(log: Logger, settlement: Settlement, totals: AttemptTotals): void {
  const { outcome } = settlement
  const facts = { outcome, charged: totals.charged(), calls: totals.spent().calls }
  for (const [index, failure] of totals.failures()) {
    log.warn({ index, code: failure.code, upstream: failure.upstream, err: failure.cause }, "image not made")
  }
  if (settlement.kind === "end") log.info({ ...facts, status: settlement.status }, "job ended")
  else if (settlement.successor) log.info({ ...facts, ...settlement.successor }, "another model takes over")
  else {
    const { delayMs, blockedBy } = settlement
    log.info({ ...facts, delayMs, blockedBy }, "job waits for another attempt")
  }
}
