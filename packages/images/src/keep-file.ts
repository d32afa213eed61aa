import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { copyFile, link, rm } from "node:fs/promises"
import { pipeline } from "node:stream/promises"

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

export async function measureFile(
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256")
  const file = createReadStream(path, { highWaterMark: 256 * 1024 })
  await pipeline(file, hash, signal === undefined ? {} : { signal })
  return { bytes: file.bytesRead, sha256: hash.digest("hex") }
}
