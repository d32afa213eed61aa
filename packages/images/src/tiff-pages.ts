import { open } from "node:fs/promises"

/** Where a kind of TIFF has its numbers: bytes of an offset, of a page's count of entries, and of an entry. */
type Layout = { firstAt: number; offsetBytes: number; countBytes: number; entryBytes: number }

// TIFF 6.0, section 2, and BigTIFF.
const classic: Layout = { firstAt: 4, offsetBytes: 4, countBytes: 2, entryBytes: 12 }
const big: Layout = { firstAt: 8, offsetBytes: 8, countBytes: 8, entryBytes: 20 }

/**
 * Counts the pages of a TIFF up to `most`, each of which points to the next. Decoders follow them all when they open
 * the file, in a time that grows faster than their number, and cannot be stopped.
 */
export async function tiffPages(path: string, most: number): Promise<number> {
  await using file = await open(path, "r")
  const { buffer: head } = await file.read(Buffer.alloc(4), 0, 4, 0)
  const isLittle = head[0] === 0x49
  const layout = head[isLittle ? 2 : 3] === 0x2b ? big : classic
  const numberAt = async (at: number, bytes: number): Promise<number> => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, at)
    if (bytesRead < bytes) return 0
    if (bytes === 2) return isLittle ? buffer.readUInt16LE() : buffer.readUInt16BE()
    if (bytes === 4) return isLittle ? buffer.readUInt32LE() : buffer.readUInt32BE()
    return Number(isLittle ? buffer.readBigUInt64LE() : buffer.readBigUInt64BE())
  }
  const { firstAt, offsetBytes, countBytes, entryBytes } = layout
  const { size } = await file.stat()
  let pages = 0
  let at = await numberAt(firstAt, offsetBytes)
  while (at > 0 && at < size && pages < most) {
    pages += 1
    const next = at + countBytes + (await numberAt(at, countBytes)) * entryBytes
    at = next < size ? await numberAt(next, offsetBytes) : 0
  }
  return pages
}
