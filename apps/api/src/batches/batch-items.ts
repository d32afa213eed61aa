import { itemsAChunk, type Manifests, type StoredItem } from "@kiln/batches"
import { isTerminal, type BatchItem, type JobStatus } from "@kiln/contract"
import { itemJobId, toUsd } from "@kiln/jobs"
import type { BatchRecord, ItemMarks, JobRecord, Ledger } from "@kiln/ledger"
import type { JobView, SignedUrls } from "@kiln/views"

type Deps = {
  ledger: Pick<Ledger, "readMany" | "batches">
  manifests: Manifests
  urls: SignedUrls
  view: Pick<JobView, "hasLostImages">
}

/** An item with the record of its job, where it has one. */
export type FoundItem = { item: BatchItem; record: JobRecord | undefined }

/** The items of batches and what came of them. */
export function createBatchItems({ ledger, manifests, urls, view }: Deps) {
  /** The items with these numbers, which grow, read from storage and ledger a few hundred at once. */
  async function* find(
    batch: BatchRecord,
    indices: Iterable<number>,
    marks: ItemMarks,
    signal?: AbortSignal,
  ): AsyncGenerator<FoundItem> {
    for (const [chunk, own] of byChunk(indices)) {
      signal?.throwIfAborted()
      const stored = await manifests.chunk(batch, chunk, signal)
      const jobs = own.map((index) => stored[index % itemsAChunk]?.made ?? itemJobId(batch.id, index))
      const found = await ledger.readMany(jobs)
      const records = new Map(found.map((record) => [record.id, record]))
      for (const [at, index] of own.entries()) {
        const record = records.get(jobs[at] ?? "")
        const given = stored[index % itemsAChunk]
        yield { item: await itemOf({ index, given, record, end: marks.endOf(index) }), record }
      }
    }
  }

  async function itemOf({ index, given, record, end }: Parts): Promise<BatchItem> {
    const now = Date.now()
    const outputs = record ? await outputsOf(record, now) : []
    return {
      object: "batch_item",
      index,
      custom_id: given?.custom_id ?? record?.customId ?? "",
      job: record?.id ?? null,
      status: statusOf(record, end),
      taken_over: given?.made !== undefined,
      urls: outputs.flatMap(({ url }) => (url === null ? [] : [url])),
      outputs,
      error: record?.error ?? (record || end === undefined ? null : endedBefore(end)),
      cost_usd: given?.made === undefined ? toUsd(record?.usage.costNanoUsd ?? 0) : 0,
      started_at: record?.startedAt?.toISOString() ?? null,
      completed_at: record?.completedAt?.toISOString() ?? null,
    }
  }

  async function outputsOf(record: JobRecord, now: number): Promise<BatchItem["outputs"]> {
    const isLost = view.hasLostImages(record, now)
    return Promise.all(
      [...record.outputs].map(async ([index, { content_type, bytes, width, height, sha256, key }]) => {
        const signed = isLost ? undefined : await urls.stable(key, now)
        const url_expires_at = signed?.expiresAt?.toISOString() ?? null
        const url = signed?.url ?? null
        return { index, url, url_expires_at, content_type, bytes, width, height, sha256 }
      }),
    )
  }

  return { find }
}
export type BatchItems = ReturnType<typeof createBatchItems>

type Parts = {
  index: number
  given: StoredItem | undefined
  record: JobRecord | undefined
  end: JobStatus | undefined
}

/** The record of an ended job may be gone; the marks stay as long as the batch. */
const statusOf = (record: JobRecord | undefined, end: JobStatus | undefined): JobStatus =>
  record && (isTerminal(record.status) || end === undefined) ? record.status : (end ?? "queued")

/** Why an item ended that never was a job, or whose job was removed. */
function endedBefore(end: JobStatus): BatchItem["error"] {
  if (end !== "expired") return null
  const message = "The batch's time was over before the item's turn came"
  return { code: "deadline_exceeded", message, retryable: true, upstream: null }
}

function* byChunk(indices: Iterable<number>): Generator<[number, number[]]> {
  let chunk = -1
  let own: number[] = []
  for (const index of indices) {
    const at = Math.floor(index / itemsAChunk)
    if (at !== chunk && own.length > 0) yield [chunk, own]
    if (at !== chunk) own = []
    chunk = at
    own.push(index)
  }
  if (own.length > 0) yield [chunk, own]
}

/** All numbers of a batch's items that pass. */
export function* numbersOf(
  batch: BatchRecord,
  passes: (index: number) => boolean,
  from = 0,
): Generator<number> {
  for (let index = from; index < batch.counts.total; index++) if (passes(index)) yield index
}
