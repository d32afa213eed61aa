import { createWriteStream } from "node:fs"
import { stat } from "node:fs/promises"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"

import type { PaintInput, PaintTurn } from "@kiln/jobs"
import type { Storage } from "@kiln/storage"

import { readTurn } from "./turn-file.ts"

type Deps = { storage: Pick<Storage, "open">; folder: string; signal: AbortSignal }

/** A turn with its images on this machine. */
export type LoadedTurn = {
  key: string
  upstream: string
  /** Keys of the turns before it, oldest first. */
  history: readonly string[]
  turn: PaintTurn
  bytes: number
}

/** Why a turn cannot be said again. */
export type LostTurn = "turn" | "input"

/** Brings a turn to this machine, into files of `folder` whose names begin with `name`. Throws `storage_error`. */
export async function loadTurn(key: string, name: string, deps: Deps): Promise<LoadedTurn | LostTurn> {
  const path = join(deps.folder, `${name}.turn`)
  if (!(await download(key, path, deps))) return "turn"
  const read = await readTurn(path)
  if (!read) return "turn"
  const { header, imagesAt } = read
  const inputs: PaintInput[] = []
  for (const [index, input] of header.inputs.entries()) {
    const file = join(deps.folder, `${name}.input-${index}`)
    if (!(await download(input.key, file, deps))) return "input"
    inputs.push({ contentType: input.contentType, path: file })
  }
  const images: PaintInput[] = []
  let start = imagesAt
  for (const [index, { contentType, bytes, key: stored }] of header.images.entries()) {
    if (stored === undefined) {
      images.push({ contentType, path, piece: { start, bytes } })
      start += bytes
      continue
    }
    const file = join(deps.folder, `${name}.image-${index}`)
    if (!(await download(stored, file, deps)) || (await stat(file)).size !== bytes) return "turn"
    images.push({ contentType, path: file })
  }
  const reply = header.reply.map(({ part, image }) =>
    image === undefined ? { part } : { part, image: images[image] },
  )
  const sizes = await Promise.all(inputs.map(async (input) => (await stat(input.path)).size))
  return {
    key,
    upstream: header.upstream,
    history: header.history,
    turn: { inputs, prompt: header.prompt, reply },
    bytes:
      header.images.reduce((sum, { bytes }) => sum + bytes, 0) + sizes.reduce((sum, size) => sum + size, 0),
  }
}

/** False when there is no such object. */
async function download(key: string, path: string, { storage, signal }: Deps): Promise<boolean> {
  const found = await storage.open(key, { signal })
  if (!found) return false
  await pipeline(found.stream, createWriteStream(path), { signal })
  return true
}
