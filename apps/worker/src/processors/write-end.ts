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
export function createWriteEnd(deps: Deps): WriteEnd {
  const { ledger, storage, handOver, imageRetentionMs } = deps
  return async ({ record, epoch, settlement, totals, run, log }) => {
    const trying = { signal: run.lost, lastTry: run.leaving, forMs: settlingMs }
    const end = {
      settlement,
      upstreamStatus: totals.upstreamStatus(),
      charged: totals.charged(),
      health: totals.health(),
      spent: totals.spent(),
      payer: record,
      ...(await keepText({ record, totals, run, log }, storage)),
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

type Ending = { record: JobRecord; totals: AttemptTotals; run: Run; log: Logger }

/** The text of all images so far and the warnings. A text that cannot be stored does not cost the job its end. */
async function keepText({ record, totals, run, log }: Ending, storage: Storage) {
  const warned = [...record.warned, ...totals.warnings()]
  const text = totals.text() === null ? null : [record.text ?? [], totals.text() ?? []].flat().join("\n\n")
  if (text === null || Buffer.byteLength(text) <= inlineTextBytes) return { text, textKey: null, warned }
  const key = documentKey({ ...record, name: "text.txt" })
  const options = { contentType: "text/plain; charset=utf-8", signal: run.lost }
  try {
    await insist(() => storage.put(key, Buffer.from(text), options), {
      signal: run.lost,
      lastTry: run.leaving,
      forMs: settlingMs,
      onError: (error) => log.warn({ err: error, key }, "text not stored yet"),
    })
    return { text: null, textKey: key, warned }
  } catch (error) {
    if (run.lost.aborted) throw error
    return { text: null, textKey: null, warned: [...warned, textLost] }
  }
}

const textLost = { code: "text_not_stored", detail: "the text that came with the images could not be stored" }

function logEnd(log: Logger, settlement: Settlement, totals: AttemptTotals): void {
  const { outcome } = settlement
  const facts = { outcome, charged: totals.charged(), calls: totals.spent().calls }
  for (const [index, failure] of totals.failures()) {
    log.warn({ index, code: failure.code, upstream: failure.upstream, err: failure.cause }, "image not made")
  }
  if (settlement.kind === "end") log.info({ ...facts, status: settlement.status }, "job ended")
  else if (settlement.successor) log.info({ ...facts, ...settlement.successor }, "another model takes over")
  else log.info({ ...facts, delayMs: settlement.delayMs }, "job waits for another attempt")
}
