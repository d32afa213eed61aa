import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"

import { KilnError, WrongImage, type Client, type Picture } from "@kiln/client"
import { operations, type Batch, type BatchItem } from "@kiln/contract"
import { createFileNames } from "@kiln/jobs"

import { inParallel } from "./in-parallel.ts"
import { saveImage, writeWhole } from "./save-image.ts"

type Options = { client: Client; folder: string; signal: AbortSignal; onSaved: (count: number) => void }
export type NotSaved = { custom_id: string; file: string; problem: string }

const downloadsAtOnce = 8
const sheetItems = 200
const mostSheets = 50

/** The images of a batch in a folder, named as in its archive. What is there already and whole is not fetched again. */
export function createImageFolder({ client, folder, signal, onSaved }: Options) {
  /** What is known to be on the disk, by its SHA-256. */
  const known = new Map<string, string>()
  let saved = 0

  async function save(picture: Picture, file: string): Promise<string | undefined> {
    if (known.get(file) === picture.sha256) return undefined
    try {
      if (await saveImage(client, picture, join(folder, file), signal)) saved += 1
    } catch (error) {
      signal.throwIfAborted()
      // Of one image: it was removed, or its bytes are wrong. Anything else concerns all of them.
      if (error instanceof WrongImage) return error.message
      if (error instanceof KilnError && error.status < 500 && error.status !== 401) return error.message
      throw error
    }
    known.set(file, picture.sha256)
    onSaved(known.size)
    return undefined
  }

  return {
    /** How many files are there, and how many of them were saved by now. */
    count: () => ({ files: known.size, saved }),

    /** In the order of the rows two items whose names clash get the same files each time. */
    async take(items: AsyncIterable<BatchItem>): Promise<NotSaved[]> {
      const lost: NotSaved[] = []
      await mkdir(folder, { recursive: true })
      await inParallel(picturesOf(items), downloadsAtOnce, async ({ custom_id, picture, file }) => {
        const problem = await save(picture, file)
        if (problem !== undefined) lost.push({ custom_id, file, problem })
      })
      return lost
    },
  }
}

type Writing = Pick<Options, "client" | "folder" | "signal">

export async function writeResults({ client, folder, signal }: Writing, { id }: Batch): Promise<string> {
  const response = await client.request(operations.getBatchResults, {
    params: { id },
    query: { format: "csv", follow: "0" },
    signal,
  })
  if (!response.ok || !response.body) throw new KilnError(response.status, {})
  const path = join(folder, "results.csv")
  await writeWhole(path, Readable.from(response.body), signal)
  return path
}

/** One PNG of 200 items, and more where there are more. */
export async function writeContactSheets(
  { client, folder, signal }: Writing,
  { id, counts }: Batch,
): Promise<string[]> {
  const pages = Math.min(mostSheets, Math.ceil(counts.succeeded / sheetItems))
  const paths: string[] = []
  for (let page = 1; page <= pages; page++) {
    const response = await client.request(operations.getBatchContactSheet, {
      params: { id },
      query: { page },
      signal,
    })
    if (!response.ok || !response.body) throw new KilnError(response.status, {})
    const path = join(folder, page === 1 ? "contact-sheet.png" : `contact-sheet-${page}.png`)
    await writeWhole(path, Readable.from(response.body), signal)
    paths.push(path)
  }
  return paths
}

async function* picturesOf(items: AsyncIterable<BatchItem>) {
  const nameOf = createFileNames()
  for await (const { custom_id, job, outputs } of items) {
    if (job === null) continue
    for (const output of outputs) {
      const suffix = outputs.length > 1 || output.index > 0 ? `-${output.index + 1}` : ""
      const extension = extensions[output.content_type] ?? "png"
      yield { custom_id, picture: { ...output, job }, file: nameOf(custom_id, suffix, extension) }
    }
  }
}

const extensions: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
}
