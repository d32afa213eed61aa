import { contentOf, type PaintedPiece } from "@kiln/jobs"
import type { KeptOutput, Ledger, Spent } from "@kiln/ledger"
import { cachedWarning, type Copied, type Reuse } from "@kiln/reuse"

import { insist, untilMendedMs } from "../insist.ts"
import { Stopped, type Run } from "../running-jobs.ts"
import { describeObject } from "./adopt.ts"
import type { AttemptTotals } from "./attempt-totals.ts"
import type { ImageWork } from "./image-work.ts"

type Work = Pick<ImageWork, "epoch" | "record" | "log"> & { run: Run; totals: AttemptTotals }
type Deps = { ledger: Pick<Ledger, "keep">; reuse: Reuse }

const nothing: Spent = { calls: 0, input: 0, output: 0, costNanoUsd: 0 }
const describe = (output: KeptOutput) => describeObject(output, nothing)

/**
 * Answers a job that may be answered so with copies of an earlier one's images. What could not be told when it was
 * made can be told now: its images are fetched, and others may have ended meanwhile. False where there is none.
 */
export async function answerFromEarlier(
  { epoch, record, run, totals, log }: Work,
  fingerprint: string,
  { ledger, reuse }: Deps,
): Promise<boolean> {
  // Once a picture of its own was made, or bought, the others are made with it.
  if (!record.spec.cache || record.outputs.size > 0 || epoch > 1) return false
  const earlier = await reuse.find(record.tenant, fingerprint)
  if (!earlier) return false
  const copied = await reuse.copy(earlier, record, { describe, signal: run.stop })
  if (!copied) return false
  const contents = contentsOf(copied)
  for (const [index, output] of copied.outputs) {
    const kept = await insist(() => ledger.keep({ id: record.id, epoch, index, output, spent: nothing }), {
      signal: run.lost,
      lastTry: run.leaving,
      forMs: untilMendedMs,
      onError: (error) => log.warn({ err: error, index }, "image not recorded yet"),
    })
    if (kept !== "kept") throw new Stopped("lock_lost")
    totals.kept(index, { charged: "no", content: contents.get(index), warnings: [] })
  }
  totals.warn([cachedWarning(earlier.id)])
  return true
}

/** What came before each image, and with the last one what came after it. */
function contentsOf({ text, layout, outputs }: Copied): Map<number, PaintedPiece[]> {
  const contents = new Map<number, PaintedPiece[]>()
  const whole = layout ?? (text === null ? "" : `t${text.length}`)
  let pieces: PaintedPiece[] = []
  for (const piece of contentOf({ text, layout: whole }, outputs.keys())) {
    pieces.push(piece.type === "text" ? piece : { type: "image" })
    if (piece.type === "text") continue
    contents.set(piece.output, pieces)
    if (contents.size < outputs.size) pieces = []
  }
  return contents
}
