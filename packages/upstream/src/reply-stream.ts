import { createBase64Decoder } from "./base64-decoder.ts"
import type { Blob, BlobFiles } from "./blob-files.ts"
import { createReplyScanner, type ScanEvent } from "./reply-scanner.ts"
import { unusableReply } from "./unusable-reply.ts"

/** A reply without its images: each stands in the JSON as its number. */
export type ReceivedReply = { json: string; blobs: Blob[] }

/** Beyond its images a reply has some kilobytes: text, counts, signatures, sources of a search. */
const longestJsonBytes = 8 * 1024 * 1024
/** Ten were seen in one reply. */
const mostBlobs = 32

/**
 * Reads a reply while it streams in; its images go to `files` as they come, and are never held in memory.
 * Throws `upstream_error` when the reply is longer than `maxBytes`, `storage_error`, or what the stream throws.
 */
export async function readReply(
  chunks: AsyncIterable<Uint8Array>,
  { files, maxBytes }: { files: BlobFiles; maxBytes: number },
): Promise<ReceivedReply> {
  const scanner = createReplyScanner()
  const rest = createRest()
  const received = createReceiver(files)
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > maxBytes) throw unusableReply(`The model's answer is longer than ${maxBytes} bytes`)
    for (const event of scanner.push(chunk)) {
      if (event.kind === "json") rest.add(event.bytes)
      else await received.take(event)
    }
  }
  return { json: rest.text(), blobs: received.blobs }
}

/** Gathers the JSON as text; a character may be parted by the border of two chunks. */
function createRest(): { add(bytes: Uint8Array): void; text(): string } {
  const decoder = new TextDecoder()
  let text = ""
  let total = 0
  return {
    add(bytes) {
      total += bytes.length
      if (total > longestJsonBytes) throw unusableReply("The model's answer has too much beside its images")
      text += decoder.decode(bytes, { stream: true })
    },
    text: () => text + decoder.decode(),
  }
}

type Receiver = { blobs: Blob[]; take(event: Exclude<ScanEvent, { kind: "json" }>): Promise<void> }

function createReceiver(files: BlobFiles): Receiver {
  const blobs: Blob[] = []
  let decoder = createBase64Decoder()
  let bytes = 0

  async function write(piece: Uint8Array): Promise<void> {
    bytes += piece.length
    await files.write(piece)
  }

  return {
    blobs,
    async take(event) {
      switch (event.kind) {
        case "blob_start":
          if (event.number > mostBlobs) throw unusableReply("The model's answer has too many images")
          decoder = createBase64Decoder()
          bytes = 0
          await files.open(event.number)
          break
        case "base64":
          for (const piece of decoder.push(event.bytes)) await write(piece)
          break
        case "blob_end":
          await write(decoder.end())
          await files.close()
          blobs.push({ number: event.number, bytes, isIntact: decoder.isIntact() && bytes > 0 })
          break
      }
    },
  }
}
