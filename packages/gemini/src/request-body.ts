import { randomUUID } from "node:crypto"
import { open, stat } from "node:fs/promises"

import { JobFailure } from "@kiln/contract"
import type { PaintRequest } from "@kiln/jobs"

import { toRequestBody } from "./request.ts"

/** Plain words as they are, or a body of known length whose images are read when it is sent. */
export type RequestBody = Buffer | StreamedBody
type StreamedBody = { bytes: number; chunks(): AsyncIterable<Uint8Array> }

/** The upstream takes 20 MB in all; the rest is for what a gateway may add. */
const mostBytes = 19_000_000

/** A multiple of three: base64 of each piece is a piece of the whole's. */
const pieceBytes = 3 * 64 * 1024

/** The body of generateContent for words alone. */
export const plainBody = (request: PaintRequest): RequestBody =>
  Buffer.from(JSON.stringify(toRequestBody(request)))

/**
 * The body of generateContent with its images in base64, read from their files as it is sent: it is never in memory
 * as a whole. Throws `invalid_request` when it comes to more than the upstream takes.
 */
export async function streamedBody(request: PaintRequest): Promise<RequestBody> {
  const mark = randomUUID()
  const between = JSON.stringify(toRequestBody(request, mark))
    .split(mark)
    .map((text) => Buffer.from(text))
  const images = await Promise.all(
    request.inputs.map(async ({ path }) => ({ path, bytes: (await stat(path)).size })),
  )
  const encoded = images.reduce((sum, image) => sum + 4 * Math.ceil(image.bytes / 3), 0)
  const bytes = between.reduce((sum, { length }) => sum + length, encoded)
  if (bytes > mostBytes) throw tooLarge(bytes)
  return {
    bytes,
    async *chunks() {
      for (const [index, text] of between.entries()) {
        yield text
        const image = images[index]
        if (image) yield* base64Of(image)
      }
    },
  }
}

async function* base64Of({ path, bytes }: { path: string; bytes: number }): AsyncIterable<Uint8Array> {
  await using file = await open(path, "r")
  for (let at = 0; at < bytes; at += pieceBytes) {
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, bytes - at))
    for (let filled = 0; filled < piece.length;) {
      const { bytesRead } = await file.read(piece, filled, piece.length - filled, at + filled)
      if (bytesRead === 0) throw new JobFailure("internal", "An input image became shorter while it was sent")
      filled += bytesRead
    }
    yield Buffer.from(piece.toString("base64"), "latin1")
  }
}

function tooLarge(bytes: number): JobFailure {
  const inMb = (bytes / 1e6).toFixed(1)
  const sentence = `With its input images the request has ${inMb} MB; up to ${mostBytes / 1e6} MB can be sent`
  return new JobFailure("invalid_request", sentence)
}
