import assert from "node:assert/strict"
import { createHash, randomBytes } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { buffer } from "node:stream/consumers"

import type { Storage } from "./storage.ts"

/** A file of random bytes, too large for one chunk. */
export async function randomFile(bytes = 5_000_001) {
  const folder = await mkdtemp(join(tmpdir(), "kiln-storage-"))
  const path = join(folder, "file")
  const content = randomBytes(bytes)
  await writeFile(path, content)
  const sha256 = createHash("sha256").update(content).digest("hex")
  return {
    content,
    body: { path, bytes, sha256 },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

export async function readAll(storage: Storage, key: string): Promise<Buffer> {
  const found = await storage.open(key)
  assert.ok(found)
  return buffer(found.stream)
}

export const png = { contentType: "image/png" }
export const bytesOf = (text: string) => new TextEncoder().encode(text)
