import { openAsBlob } from "node:fs"
import { basename, resolve } from "node:path"

import { KilnError, uploadAsset, type Client } from "@kiln/client"
import type { BatchRow } from "@kiln/jobs"

import type { RefusedRow } from "./exit-codes.ts"
import { inParallel } from "./in-parallel.ts"
import { requirePhoto } from "./photo-file.ts"
import { sha256Of } from "./save-image.ts"

/** Files that rows name as images, and the rows that do. */
export type LocalPhotos = Map<string, PhotoUse[]>
type PhotoUse = { line: number | null; custom_id: string | null; source: string }

const uploadsAtOnce = 4

type Named = { images?: unknown; custom_id?: unknown }

/** Notes the files that a row or a scene names; paths are those of the file in which they stand. */
export function notePhotos(photos: LocalPhotos, value: unknown, folder: string, line: number | null): void {
  const { images, custom_id: name } = (value ?? {}) as Named
  if (!Array.isArray(images)) return
  for (const image of images) {
    const source = localSource(image)
    if (source === undefined) continue
    const path = resolve(folder, source)
    const uses = photos.get(path) ?? []
    uses.push({ line, custom_id: typeof name === "string" ? name : null, source })
    photos.set(path, uses)
  }
}

/** The rows whose photos cannot be sent. */
export async function missingPhotos(photos: LocalPhotos): Promise<RefusedRow[]> {
  const refused: RefusedRow[] = []
  await inParallel(photos, uploadsAtOnce, async ([path, uses]) => {
    const problem = await requirePhoto(path)
    if (problem === undefined) return
    refused.push(...refusedUses(uses, problem))
  })
  return byLine(refused)
}

const refusedUses = (uses: PhotoUse[], problem: string): RefusedRow[] =>
  uses.map(({ line, custom_id, source }) => ({
    line,
    custom_id,
    pointer: "/images",
    code: "input_unreadable",
    detail: `${source}: ${problem}`,
  }))

const byLine = (rows: RefusedRow[]): RefusedRow[] => rows.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))

type Uploaded = {
  /** The asset of each file. */
  assets: Map<string, string>
  /** Rows whose photos Kiln does not take. */
  refused: RefusedRow[]
}

/** Uploads each content once, however many names it has. */
export async function uploadPhotos(
  client: Client,
  photos: LocalPhotos,
  { signal, onDone }: { signal: AbortSignal; onDone: (done: number) => void },
): Promise<Uploaded> {
  const byContent = new Map<string, Promise<string>>()
  const assets = new Map<string, string>()
  const refused: RefusedRow[] = []
  const upload = async (path: string): Promise<string> => {
    const asset = await uploadAsset(client, await openAsBlob(path), { name: basename(path), signal })
    return asset.id
  }
  await inParallel(photos, uploadsAtOnce, async ([path, uses]) => {
    const sha256 = await sha256Of(path, signal)
    const kept = byContent.get(sha256) ?? upload(path)
    byContent.set(sha256, kept)
    try {
      assets.set(path, await kept)
    } catch (error) {
      if (!(error instanceof KilnError) || !aboutTheImage.has(error.status)) throw error
      refused.push(...refusedUses(uses, error.message))
    }
    onDone(assets.size)
  })
  return { assets, refused: byLine(refused) }
}

/** Refusals of an image, not of whoever sends it. */
const aboutTheImage = new Set([400, 413, 415, 422])

/** The rows with their files as assets. */
export async function* withAssets(
  rows: AsyncIterable<BatchRow>,
  folder: string,
  assets: ReadonlyMap<string, string>,
): AsyncGenerator<BatchRow> {
  for await (const row of rows) yield { ...row, value: imagesAsAssets(row.value, folder, assets) }
}

export function imagesAsAssets(value: unknown, folder: string, assets: ReadonlyMap<string, string>): unknown {
  const { images } = (value ?? {}) as Named
  if (!Array.isArray(images)) return value
  const replaced = images.map((image: unknown) => {
    const source = localSource(image)
    const asset = source === undefined ? undefined : assets.get(resolve(folder, source))
    return asset === undefined ? image : { asset }
  })
  return { ...(value as object), images: replaced }
}

/** A `url` that is none: the path of a file. */
function localSource(image: unknown): string | undefined {
  if (typeof image !== "object" || image === null || !("url" in image)) return undefined
  const { url } = image
  return typeof url === "string" && url !== "" && !/^[a-z][a-z0-9+.-]+:/i.test(url) ? url : undefined
}
