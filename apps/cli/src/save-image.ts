import { createHash, randomBytes } from "node:crypto"
import { createReadStream } from "node:fs"
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import type { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"

import { downloadOutput, type Client, type Picture } from "@kiln/client"

/**
 * Saves an image under a name that nobody sees before it is whole and has the right SHA-256. Answers false where it
 * was there already.
 */
export async function saveImage(
  client: Client,
  picture: Picture,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (await isThere(path, picture)) return false
  const content = await downloadOutput(client, picture, signal)
  await mkdir(dirname(path), { recursive: true })
  await writeWhole(path, content, signal)
  return true
}

/** Under another name first, so that a file is there whole or not at all. */
export async function writeWhole(
  path: string,
  content: Uint8Array | Readable,
  signal: AbortSignal,
): Promise<void> {
  const half = `${path}.${process.pid}-${randomBytes(4).toString("hex")}.part`
  try {
    await writeFile(half, content, { signal })
    await rename(half, path)
  } catch (error) {
    await rm(half, { force: true })
    throw error
  }
}

async function isThere(path: string, { bytes, sha256 }: Picture): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() === true && found.size === bytes && (await sha256Of(path)) === sha256
}

export async function sha256Of(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256")
  await pipeline(createReadStream(path), hash, ...(signal ? [{ signal }] : []))
  return hash.digest("hex")
}
