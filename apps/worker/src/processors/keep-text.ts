import { text as readText } from "node:stream/consumers"

import type { ContentPiece } from "@kiln/contract"
import { contentOf, imagesIn, layOut } from "@kiln/jobs"
import type { JobRecord } from "@kiln/ledger"
import type { Logger } from "@kiln/runtime"
import { documentKey, type Storage } from "@kiln/storage"

import { insist } from "../insist.ts"
import type { Run } from "../running-jobs.ts"
import { asContent, type AttemptTotals } from "./attempt-totals.ts"
import { recallContent } from "./recall-content.ts"

type Ending = { record: JobRecord; epoch: number; totals: AttemptTotals; run: Run; log: Logger }

/** Text of more bytes than this is kept in storage, not in the ledger. */
const inlineTextBytes = 4_096
const keepingMs = 60_000

const unchanged = { text: null, textKey: null, layout: null }
const textLost = { code: "text_not_stored", detail: "the text that came with the images could not be stored" }

/** What came with all images so far, and the warnings. A text that cannot be stored does not cost the job its end. */
export async function keepText({ record, epoch, totals, run, log }: Ending, storage: Storage) {
  const warned = [...record.warned, ...totals.warnings()]
  try {
    const more = [...(await recalled(record, storage, run)), ...totals.content()]
    if (more.length === 0) return { ...unchanged, warned }
    const { text, layout: whole } = layOut([...(await earlier(record, storage, run)), ...more])
    const layout = record.spec.parameters.include_text ? whole : null
    if (text === null || Buffer.byteLength(text) <= inlineTextBytes) {
      return { text, textKey: null, layout, warned }
    }
    // A text that was told under one key does not change.
    const key = documentKey({ ...record, name: `text-${epoch}.txt` })
    const options = { contentType: "text/plain; charset=utf-8", signal: run.lost }
    await insist(() => storage.put(key, Buffer.from(text), options), {
      signal: run.lost,
      lastTry: run.leaving,
      forMs: keepingMs,
      onError: (error) => log.warn({ err: error, key }, "text not stored yet"),
    })
    return { text: null, textKey: key, layout, warned }
  } catch (error) {
    if (run.lost.aborted) throw error
    log.warn({ err: error }, "text not stored")
    return { ...unchanged, warned: [...warned, textLost] }
  }
}

/** What earlier attempts wrote down. */
async function earlier(
  { text, textKey, layout }: JobRecord,
  storage: Storage,
  { lost: signal }: Run,
): Promise<ContentPiece[]> {
  const stored = textKey === null ? undefined : await storage.open(textKey, { signal })
  const before = stored ? await readText(stored.stream) : text
  const whole = layout ?? (before === null ? "" : `t${before.length}`)
  return contentOf({ text: before, layout: whole }, imagesIn(layout ?? ""))
}

/** What came with images that an earlier attempt recorded and did not live to tell of. */
async function recalled(record: JobRecord, storage: Storage, { lost: signal }: Run): Promise<ContentPiece[]> {
  if (!record.spec.parameters.include_text) return []
  const told = new Set(imagesIn(record.layout ?? ""))
  const content: ContentPiece[] = []
  for (const [index, { sha256 }] of record.outputs) {
    if (told.has(index)) continue
    content.push(...asContent(index, await recallContent({ ...record, index, sha256 }, storage, signal)))
  }
  return content
}
