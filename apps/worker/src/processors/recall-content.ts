import type { PaintedPiece } from "@kiln/jobs"
import { turnKey, type JobPlace, type Storage } from "@kiln/storage"

import { readHeader } from "./turn-file.ts"

/** What came with an image that another attempt made; undefined where that is not known any more. */
export async function recallContent(
  image: JobPlace & { index: number; sha256: string },
  storage: Pick<Storage, "open">,
  signal: AbortSignal,
): Promise<readonly PaintedPiece[] | undefined> {
  try {
    const found = await storage.open(turnKey(image), { signal })
    return found && (await readHeader(found.stream as AsyncIterable<Buffer>))?.header.content
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}
