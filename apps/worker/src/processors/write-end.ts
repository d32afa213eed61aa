import type { Settlement } from "@kiln/jobs"
import type { Handover, JobRecord, Ledger } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"
import { documentKey, jobPrefix, type Storage } from "@kiln/storage"

import { insist } from "../insist.ts"
import type { Run } from "../running-jobs.ts"
import type { AttemptTotals } from "./attempt-totals.ts"

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
  imageRetentionMs: number | undefined
}

/** Text of more bytes than this is kept in storage, not in the ledger. */
const inlineTextBytes = 4_096
const settlingMs = 60_000

/** Writes the end of an attempt into the ledger, which announces it in the same step. */
export function createWriteEnd({ ledger, storage, handOver, imageRetentionMs }: Deps): WriteEnd {
  return async ({ record, epoch, settlement, totals, run, log }) => {
    const end = {
      settlement,
      upstreamStatus: totals.upstreamStatus(),
      charged: totals.charged(),
      spent: totals.spent(),
      warned: [...record.warned, ...totals.warnings()],
      ...(await keepText(record, totals.text(), storage, run.lost)),
    }
    const settled = await insist(() => ledger.settle({ id: record.id, epoch }, end), {
      signal: run.lost,
      forMs: settlingMs,
      onError: (error) => log.warn({ err: error }, "attempt not settled yet"),
    })
    logEnd(log, settlement, totals)
    if (settled.kind === "gone") await storage.removeAll(jobPrefix(record))
    if (settled.kind !== "settled") return
    if (imageRetentionMs !== undefined && settlement.kind === "end") {
      await ledger.keepImagesUntil(jobPrefix(record), new Date(Date.now() + imageRetentionMs))
    }
    await handOver(settled.ready)
  }
}

async function keepText(record: JobRecord, text: string | null, storage: Storage, signal: AbortSignal) {
  if (text === null || Buffer.byteLength(text) <= inlineTextBytes) return { text, textKey: null }
  const key = documentKey({ ...record, name: "text.txt" })
  await storage.put(key, Buffer.from(text), { contentType: "text/plain; charset=utf-8", signal })
  return { text: null, textKey: key }
}

function logEnd(log: Logger, settlement: Settlement, totals: AttemptTotals): void {
  const { outcome } = settlement
  const facts = { outcome, charged: totals.charged(), calls: totals.spent().calls }
  for (const [index, failure] of totals.failures()) {
    log.warn({ index, code: failure.code, upstream: failure.upstream, err: failure.cause }, "image not made")
  }
  if (settlement.kind === "end") log.info({ ...facts, status: settlement.status }, "job ended")
  else log.info({ ...facts, delayMs: settlement.delayMs }, "job waits for another attempt")
}
