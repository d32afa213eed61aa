import type { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"

import sharp from "sharp"

import { openStream } from "./decode-image.ts"
import { inTurn } from "./in-turn.ts"

const tile = 160
const gap = 8
const columns = 10
const paper = { r: 255, g: 255, b: 255 }
const pixelLimit = 100_000_000

/** One picture of many small ones, ten in a row, as PNG; one that cannot be read is an empty place. */
export async function contactSheet(
  pictures: AsyncIterable<Readable | undefined>,
  signal: AbortSignal,
): Promise<Buffer> {
  const tiles: Buffer[] = []
  for await (const picture of pictures) tiles.push(await inTurn(async () => tileOf(picture, signal), signal))
  const rows = Math.max(1, Math.ceil(tiles.length / columns))
  const width = Math.min(columns, Math.max(1, tiles.length)) * (tile + gap) + gap
  const height = rows * (tile + gap) + gap
  const sheet = sharp({ create: { width, height, channels: 3, background: paper } })
  return sheet
    .composite(
      tiles.map((input, index) => ({
        input,
        raw: { width: tile, height: tile, channels: 3 as const },
        left: gap + (index % columns) * (tile + gap),
        top: gap + Math.floor(index / columns) * (tile + gap),
      })),
    )
    .png({ compressionLevel: 6 })
    .toBuffer()
}

async function tileOf(picture: Readable | undefined, signal: AbortSignal): Promise<Buffer> {
  if (!picture) return empty()
  const decoder = openStream(pixelLimit)
    .rotate()
    .resize(tile, tile, { fit: "contain", background: paper })
    .flatten({ background: paper })
    .toColourspace("srgb")
    .removeAlpha()
    .raw()
  try {
    const [, made] = await Promise.all([
      pipeline(picture, decoder, { signal, end: true }),
      decoder.toBuffer(),
    ])
    return made
  } catch (error) {
    if (signal.aborted) throw error
    return empty()
  }
}

const empty = (): Buffer => Buffer.alloc(tile * tile * 3, 0xee)
