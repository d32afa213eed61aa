import { createWriteStream, openAsBlob } from "node:fs"
import { mkdtemp, readFile, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { extname, join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"

import { readJsonBody, readRows, RowsFailure, type RowFormat } from "@kiln/batches/rows"
import type { RowBody } from "@kiln/client"
import type { BatchRow } from "@kiln/jobs"
import { z } from "zod"

import { RowsRefused, UsageError } from "./exit-codes.ts"

export type BatchFile = {
  path: string
  format: RowFormat
  /** What a JSON body says beside its rows. */
  options: Record<string, unknown>
}

const formats: Readonly<Record<string, RowFormat>> = {
  ".csv": "csv",
  ".tsv": "csv",
  ".ndjson": "ndjson",
  ".jsonl": "ndjson",
  ".json": "json",
}

/** A file of rows, by its name: CSV, NDJSON, or JSON as in `POST /v1/batches`. */
export async function openBatchFile(path: string, signal: AbortSignal): Promise<BatchFile> {
  const format = formats[extname(path).toLowerCase()]
  if (!format)
    throw new UsageError(`${path}: expected a name that ends in ${Object.keys(formats).join(", ")}`)
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile()) throw new UsageError(`${path}: there is no such file`)
  if (format !== "json") return { path, format, options: {} }
  const { options } = await asRefused(readJsonBody(path, signal))
  return { path, format, options }
}

/** Throws RowsRefused for a file that cannot be read on. */
export async function* rowsOf(file: BatchFile, signal: AbortSignal): AsyncGenerator<BatchRow> {
  const rows = readRows(file, signal)
  for (;;) {
    const next = await asRefused(rows.next())
    if (next.done) return
    yield next.value
  }
}

async function asRefused<Result>(step: Promise<Result>): Promise<Result> {
  try {
    return await step
  } catch (error) {
    if (!(error instanceof RowsFailure)) throw error
    throw new RowsRefused([{ ...error.error, line: error.line }])
  }
}

export type SentRows = RowBody & { content: Blob } & AsyncDisposable

/** The file as it is; `rows` are written down as NDJSON instead where they are given or the file is JSON. */
export async function rowsToSend(
  file: BatchFile,
  rows: AsyncIterable<BatchRow> | undefined,
  signal: AbortSignal,
): Promise<SentRows> {
  if (!rows && file.format !== "json") {
    const type = file.format === "csv" ? "text/csv" : "application/x-ndjson"
    return { type, content: await openAsBlob(file.path), [Symbol.asyncDispose]: async () => {} }
  }
  const folder = await mkdtemp(join(tmpdir(), "kiln-rows-"))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const path = join(folder, "rows.ndjson")
    await pipeline(Readable.from(linesOf(rows ?? rowsOf(file, signal))), createWriteStream(path), { signal })
    return { type: "application/x-ndjson", content: await openAsBlob(path), [Symbol.asyncDispose]: remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Each row in the line that it has in the file: what Kiln says of lines is true of the file. */
async function* linesOf(rows: AsyncIterable<BatchRow>): AsyncGenerator<string> {
  let at = 1
  for await (const { line, value } of rows) {
    const skipped = Math.max(0, line - at)
    yield `${"\n".repeat(skipped)}${JSON.stringify(value ?? null)}\n`
    at += skipped + 1
  }
}

const Scenes = z.union([z.array(z.record(z.string(), z.unknown())), z.record(z.string(), z.unknown())])

/** `scenes.json`: the scenes, or an object with `scenes` and whatever else a batch may say beside its rows. */
export async function readScenes(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, "utf8").catch(() => {
    throw new UsageError(`${path}: there is no such file`)
  })
  const read = Scenes.safeParse(parsed(path, text))
  if (!read.success) throw new UsageError(`${path}: expected a list of scenes`)
  return Array.isArray(read.data) ? { scenes: read.data } : read.data
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${path} is not JSON: ${error instanceof Error ? error.message : ""}`)
  }
}
