import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { copyFile, link, rm } from "node:fs/promises"

/** Makes `target` the same file as `source`, in place of what was there. */
export async function keepFile(source: string, target: string): Promise<void> {
  await rm(target, { force: true })
  try {
    await link(source, target)
  } catch {
    // Another file system, or one without links.
    await copyFile(source, target)
  }
}

/** The length and SHA-256 of a file; `watch` sees its bytes as they are read. */
export async function measureFile(
  path: string,
  signal: AbortSignal | undefined,
  watch: (chunk: Buffer) => void = () => {},
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256")
  const file = createReadStream(path, {
    highWaterMark: 256 * 1024,
    ...(signal === undefined ? {} : { signal }),
  })
  for await (const chunk of file as AsyncIterable<Buffer>) {
    hash.update(chunk)
    watch(chunk)
  }
  return { bytes: file.bytesRead, sha256: hash.digest("hex") }
}
