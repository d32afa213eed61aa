import { open } from "node:fs/promises"

const chunkBytes = 65_536

/**
 * The bytes of a file in pieces; each is good only until the next one is asked for. All are read into the same
 * memory: a stream's own pieces outlive the young generation while their rows are checked, and nothing that lies
 * outside of V8's heap makes it look for garbage soon.
 */
export async function* fileChunks(path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  await using file = await open(path)
  const memory = Buffer.allocUnsafeSlow(chunkBytes)
  for (;;) {
    signal.throwIfAborted()
    const { bytesRead } = await file.read(memory, 0, memory.length)
    if (bytesRead === 0) return
    yield memory.subarray(0, bytesRead)
  }
}
