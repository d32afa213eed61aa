import { createHash } from "node:crypto"
import { constants, createReadStream, createWriteStream } from "node:fs"
import { copyFile, link, open, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"

import {
  makeFolderOf,
  newContentName,
  readRecord,
  recordPath,
  syncFolder,
  workFolder,
  type DiskRecord,
} from "./disk-layout.ts"
import { codeOf, storageFailure } from "./storage-failure.ts"
import type { FileBody, PutOptions } from "./storage.ts"

/** Writes the bytes, then the record that makes them an object; `root` is a real path. */
export async function putOnDisk(
  root: string,
  key: string,
  body: FileBody | Uint8Array,
  options: PutOptions,
): Promise<{ stored: boolean }> {
  const old = await readRecord(root, key)
  if (old !== undefined && options.ifAbsent) return { stored: false }
  const file = newContentName(key)
  const work = join(root, workFolder, file)
  try {
    const written = await writeContent(work, body, options.signal)
    const folder = await makeFolderOf(root, key)
    await rename(work, join(folder, file))
    const stored = await writeRecord(root, key, options, {
      file,
      ...written,
      content_type: options.contentType,
      metadata: { ...options.metadata },
    }).catch(async (error: unknown) => {
      await rm(join(folder, file), { force: true })
      throw error
    })
    const unused = stored ? old?.file : file
    if (unused !== undefined) await rm(join(folder, unused), { force: true })
    await syncFolder(folder)
    return { stored }
  } finally {
    await rm(work, { force: true })
  }
}

async function writeContent(path: string, body: FileBody | Uint8Array, signal: AbortSignal | undefined) {
  if (!(body instanceof Uint8Array) && body.sha256 !== undefined) {
    return { bytes: await copyWhole(path, body, signal), sha256: body.sha256 }
  }
  const hash = createHash("sha256")
  let bytes = 0
  await pipeline(
    contentOf(body),
    async function* measure(chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        hash.update(chunk)
        bytes += chunk.length
        yield chunk
      }
    },
    createWriteStream(path, { flags: "wx", flush: true }),
    { signal },
  )
  const sha256 = hash.digest("hex")
  if (!(body instanceof Uint8Array)) {
    checkLength(bytes, body)
  }
  return { bytes, sha256 }
}

/** The kernel copies, or clones where the file system can, what its caller has just hashed. */
async function copyWhole(path: string, body: FileBody, signal: AbortSignal | undefined): Promise<number> {
  signal?.throwIfAborted()
  await copyFile(body.path, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  await using file = await open(path, "r+")
  await file.datasync()
  const { size } = await file.stat()
  checkLength(size, body)
  signal?.throwIfAborted()
  return size
}

function checkLength(bytes: number, body: FileBody): void {
  if (bytes === body.bytes) return
  throw storageFailure(`The file to store has ${bytes} bytes instead of ${body.bytes}`)
}

function contentOf(body: FileBody | Uint8Array): Readable {
  return body instanceof Uint8Array
    ? Readable.from([body])
    : createReadStream(body.path, { highWaterMark: 256 * 1024 })
}

/** False when another record was there first: `link` refuses what exists, in one step, on every file system. */
async function writeRecord(
  root: string,
  key: string,
  { ifAbsent, signal }: PutOptions,
  record: DiskRecord,
): Promise<boolean> {
  const work = join(root, workFolder, `${record.file}~`)
  try {
    await pipeline(
      Readable.from([JSON.stringify(record)]),
      createWriteStream(work, { flags: "wx", flush: true }),
      {
        signal,
      },
    )
    if (ifAbsent) await link(work, recordPath(root, key))
    else await rename(work, recordPath(root, key))
    return true
  } catch (error) {
    if (ifAbsent && codeOf(error) === "EEXIST") return false
    throw error
  } finally {
    await rm(work, { force: true })
  }
}
