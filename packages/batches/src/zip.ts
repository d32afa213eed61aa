import type { Readable } from "node:stream"

import { makeZip } from "client-zip"

/** A file of an archive; its content may come in pieces. */
export type ZipEntry = { name: string; content: Uint8Array | Readable | AsyncIterable<Uint8Array> }

/** A ZIP archive as it is written: nothing is held back, and ZIP64 is used where it is needed. Images stay as they are. */
export async function* zipOf(entries: AsyncIterable<ZipEntry>): AsyncGenerator<Uint8Array> {
  let count = 0
  async function* files() {
    for await (const { name, content } of entries) {
      count += 1
      yield { name, input: inputOf(content), lastModified: new Date() }
    }
  }
  let last: Uint8Array | undefined
  let bytes = 0
  for await (const chunk of makeZip(files(), { buffersAreUTF8: true })) {
    if (last) {
      bytes += last.length
      yield last
    }
    last = chunk
  }
  if (!last) return
  yield* endOfMany(last, { count, at: bytes })
  yield last
}

// A copy of the view alone: the pool that a small Buffer lies in is not for others.
const inputOf = (content: ZipEntry["content"]) =>
  content instanceof Uint8Array
    ? Uint8Array.from(content)
    : (content as AsyncIterable<Uint8Array<ArrayBuffer>>)

const most16 = 0xff_ff
const most32 = 0xff_ff_ff_ff

/**
 * What stands before the end of an archive with more files than the end can count (APPNOTE.TXT 4.3.14 and 4.3.15).
 * client-zip writes it for large archives, not for small ones of many files.
 */
function* endOfMany(end: Uint8Array, { count, at }: { count: number; at: number }): Generator<Uint8Array> {
  const view = new DataView(end.buffer, end.byteOffset, end.byteLength)
  const [directoryBytes, directoryAt] = [view.getUint32(12, true), view.getUint32(16, true)]
  if (count < most16 || directoryAt === most32 || directoryBytes === most32) return
  const record = Buffer.alloc(56)
  record.write("PK\x06\x06", "latin1")
  record.writeBigUInt64LE(BigInt(record.length - 12), 4)
  // Made by and needed: version 4.5 of the format.
  record.writeUInt16LE(45, 12)
  record.writeUInt16LE(45, 14)
  record.writeBigUInt64LE(BigInt(count), 24)
  record.writeBigUInt64LE(BigInt(count), 32)
  record.writeBigUInt64LE(BigInt(directoryBytes), 40)
  record.writeBigUInt64LE(BigInt(directoryAt), 48)
  yield record
  const locator = Buffer.alloc(20)
  locator.write("PK\x06\x07", "latin1")
  locator.writeBigUInt64LE(BigInt(at), 8)
  locator.writeUInt32LE(1, 16)
  yield locator
}
