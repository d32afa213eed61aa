import { createHash } from "node:crypto"
import { open, stat } from "node:fs/promises"

import { JobFailure } from "@kiln/contract"
import type { PaintInput } from "@kiln/jobs"

/** A multiple of three: base64 of each piece is a piece of the whole's. */
const pieceBytes = 3 * 64 * 1024

export const sizeOf = async ({ path, piece }: PaintInput): Promise<number> =>
  piece?.bytes ?? (await stat(path)).size

/** The bytes of an image in small pieces, read as they are asked for. */
export async function* bytesOf(image: PaintInput): AsyncIterable<Buffer> {
  const { start } = image.piece ?? { start: 0 }
  const bytes = await sizeOf(image)
  await using file = await open(image.path, "r")
  for (let at = 0; at < bytes; at += pieceBytes) {
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, bytes - at))
    for (let filled = 0; filled < piece.length;) {
      const { bytesRead } = await file.read(piece, filled, piece.length - filled, start + at + filled)
      if (bytesRead === 0) throw new JobFailure("internal", "An input image became shorter while it was sent")
      filled += bytesRead
    }
    yield piece
  }
}

export async function* base64Of(image: PaintInput): AsyncIterable<Buffer> {
  for await (const piece of bytesOf(image)) yield Buffer.from(piece.toString("base64"), "latin1")
}

export async function hashOf(image: PaintInput): Promise<string> {
  const hash = createHash("sha256")
  for await (const piece of bytesOf(image)) hash.update(piece)
  return hash.digest("hex")
}
