import type { Readable } from "node:stream"

import { makeZip } from "client-zip"

/** A file of an archive; its content may come in pieces. */
export type ZipEntry = { name: string; content: Uint8Array | Readable | AsyncIterable<Uint8Array> }

/** A ZIP archive as it is written: nothing is held back, and ZIP64 is used where it is needed. Images stay as they are. */
export function zipOf(entries: AsyncIterable<ZipEntry>): ReadableStream<Uint8Array> {
  async function* files() {
    for await (const { name, content } of entries)
      yield { name, input: inputOf(content), lastModified: new Date() }
  }
  return makeZip(files(), { buffersAreUTF8: true })
}

// A copy of the view alone: the pool that a small Buffer lies in is not for others.
const inputOf = (content: ZipEntry["content"]) =>
  content instanceof Uint8Array
    ? Uint8Array.from(content)
    : (content as AsyncIterable<Uint8Array<ArrayBuffer>>)
