import { text as readText } from "node:stream/consumers"

import type { ContentPiece } from "@kiln/contract"
import { contentOf, layOut, type Settlement } from "@kiln/jobs"
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
  retentionMs: number
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

type Ending = { record: JobRecord; epoch: number; totals: AttemptTotals; run: Run; log: Logger }

/** What came with all images so far, and the warnings. A text that cannot be stored does not cost the job its end. */
async function keepText({ record, epoch, totals, run, log }: Ending, storage: Storage) {
  const warned = [...record.warned, ...totals.warnings()]
  // What earlier attempts wrote down stays.
  if (totals.content().length === 0) return { text: null, textKey: null, layout: null, warned }
  const { text, layout: whole } = layOut([...(await earlier(record, storage, run)), ...totals.content()])
  const layout = record.spec.parameters.include_text ? whole : null
  if (text === null || Buffer.byteLength(text) <= inlineTextBytes)
    return { text, textKey: null, layout, warned }
  // A text that was told under one key does not change.
  const key = documentKey({ ...record, name: `text-${epoch}.txt` })
  const options = { contentType: "text/plain; charset=utf-8", signal: run.lost }
  try {
    await insist(() => storage.put(key, Buffer.from(text), options), {
      signal: run.lost,
      lastTry: run.leaving,
      forMs: settlingMs,
      onError: (error) => log.warn({ err: error, key }, "text not stored yet"),
    })
    return { text: null, textKey: key, layout, warned }
  } catch (error) {
    if (run.lost.aborted) throw error
    return { text: null, textKey: null, layout, warned: [...warned, textLost] }
  }
}

/** What came with the images of earlier attempts. */
async function earlier(
  { text, textKey, layout, outputs }: JobRecord,
  storage: Storage,
  { lost: signal }: Run,
): Promise<ContentPiece[]> {
  const stored = textKey === null ? undefined : await storage.open(textKey, { signal }).catch(() => undefined)
  const before = stored ? await readText(stored.stream) : text
  const whole = layout ?? (before === null ? "" : `t${before.length}`)
  return contentOf({ text: before, layout: whole }, outputs.keys())
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
