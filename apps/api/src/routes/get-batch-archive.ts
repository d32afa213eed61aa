import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"

import { zipOf, type ZipEntry } from "@kiln/batches"
import type { BatchItem, operations } from "@kiln/contract"
import { createFileNames } from "@kiln/jobs"
import type { BatchRecord, KeptOutput, Ledger } from "@kiln/ledger"
import type { Storage } from "@kiln/storage"
import type { JobView } from "@kiln/views"

import { numbersOf, type BatchItems, type FoundItem } from "../batches/batch-items.ts"
import type { FindBatch } from "../batches/find-batch.ts"
import { createOpenArchives } from "../batches/open-archives.ts"
import { readAhead } from "../batches/read-ahead.ts"
import { callerOf } from "../http/call.ts"
import type { Handler } from "../http/mount.ts"
import { patienceOf } from "../http/wait.ts"

type Deps = {
  ledger: Pick<Ledger, "batches">
  storage: Pick<Storage, "open">
  findBatch: FindBatch
  batchItems: BatchItems
  view: Pick<JobView, "hasLostImages">
  closing: AbortSignal
}

export function getBatchArchive(deps: Deps): Handler<typeof operations.getBatchArchive> {
  const archives = createOpenArchives()
  return async ({ params: { id } }, { req, res }) => {
    const { tenant } = callerOf(res).key
    const batch = await deps.findBatch(id, tenant)
    using _open = archives.enter(tenant, batch.counts.total)
    res.writeHead(200, {
      "Content-Type": "application/zip",
      "Content-Disposition": `attachment; filename="${id}.zip"`,
      "Cache-Control": "no-store",
    })
    if (req.method === "HEAD") return void res.end()
    try {
      const signal = patienceOf(res, deps.closing)
      await pipeline(Readable.from(zipOf(entries(batch, signal, deps))), res, { signal })
    } catch (error) {
      // The head is sent: all that is left is to cut the connection, so that nobody takes half an archive for a whole.
      res.destroy()
      if (!res.closed && !deps.closing.aborted) throw error
    }
    return undefined
  }
}

type Picture = { name: string; output: KeptOutput; index: number }
type Line = Pick<BatchItem, "custom_id" | "job" | "status" | "error"> & { files: object[] }

/** The images of the items that have any, then the list of all items that have ended. */
async function* entries(batch: BatchRecord, signal: AbortSignal, deps: Deps): AsyncGenerator<ZipEntry> {
  const marks = await deps.ledger.batches.marks(batch)
  const ended = () => numbersOf(batch, (index) => marks.endOf(index) !== undefined)
  const missing = new Set<string>()
  const pictures = picturesOf(deps.batchItems.find(batch, ended(), marks, signal), deps)
  for await (const { picture, content } of readAhead(pictures, deps.storage, signal)) {
    // Removed since: the list says so.
    if (content === undefined) missing.add(picture.output.key)
    else yield { name: picture.name, content }
  }
  yield {
    name: "manifest.json",
    content: manifestOf(batch, deps.batchItems.find(batch, ended(), marks, signal), missing, deps),
  }
}

async function* picturesOf(
  items: AsyncIterable<FoundItem>,
  { view }: Pick<Deps, "view">,
): AsyncGenerator<Picture> {
  const nameOf = createFileNames()
  nameOf("manifest", "", "json")
  for await (const found of items) yield* named(found, nameOf, view)
}

function* named(
  { item, record }: FoundItem,
  nameOf: ReturnType<typeof createFileNames>,
  view: Deps["view"],
): Generator<Picture> {
  if (!record || view.hasLostImages(record, Date.now())) return
  for (const [index, output] of record.outputs) {
    const suffix = record.spec.parameters.n > 1 ? `-${index + 1}` : ""
    const extension = output.key.split(".").at(-1) ?? "png"
    yield { name: nameOf(item.custom_id, suffix, extension), output, index }
  }
}

async function* manifestOf(
  batch: BatchRecord,
  items: AsyncIterable<FoundItem>,
  missing: ReadonlySet<string>,
  { view }: Pick<Deps, "view">,
): AsyncGenerator<Uint8Array> {
  const nameOf = createFileNames()
  nameOf("manifest", "", "json")
  const { id, name, counts, createdAt } = batch
  const head = { batch: id, name, counts, created_at: createdAt.toISOString() }
  yield bytesOf(`${JSON.stringify(head).slice(0, -1)},"items":[`)
  let comma = "\n"
  for await (const found of items) {
    const { custom_id, job, status, error } = found.item
    const files = [...named(found, nameOf, view)].flatMap(({ name: file, output, index }) => {
      const { content_type, bytes, width, height, sha256, key } = output
      return missing.has(key) ? [] : [{ file, index, content_type, bytes, width, height, sha256 }]
    })
    yield bytesOf(`${comma}${JSON.stringify({ custom_id, job, status, files, error } satisfies Line)}`)
    comma = ",\n"
  }
  yield bytesOf("\n]}\n")
}

const bytesOf = (text: string): Uint8Array => Buffer.from(text, "utf8")
