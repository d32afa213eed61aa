import { randomBytes } from "node:crypto"
import { constants } from "node:fs"
import { lstat, mkdir, open, readFile, realpath } from "node:fs/promises"
import { basename, dirname, extname, join } from "node:path"

import { z } from "zod"

import { codeOf, storageFailure } from "./storage-failure.ts"
import type { StoredObject } from "./storage.ts"

/**
 * The object `a/0.png` is two files: its bytes in `a/0~<token>.png` and its record in `a/0.png~`, which names them.
 * The record is written last and in one step, so bytes, content type and metadata appear and change together.
 * No key has a `~`, so neither these files nor the work folder can be taken for an object.
 */
export const workFolder = "~work"

export const DiskRecord = z.object({
  file: z.string().regex(/^[A-Za-z0-9._=-]*~[0-9a-f]{16}[A-Za-z0-9._=-]*$/),
  bytes: z.int().nonnegative(),
  sha256: z.string(),
  content_type: z.string(),
  metadata: z.record(z.string(), z.string()),
})
export type DiskRecord = z.infer<typeof DiskRecord>

export type FoundObject = { object: StoredObject; path: string; sha256: string }

export function recordPath(root: string, key: string): string {
  return join(root, `${key}~`)
}

/** A new name for the bytes of `key`; the extension stays, so that people can look at the folder. */
export function newContentName(key: string): string {
  const extension = extname(key)
  return `${basename(key, extension)}~${randomBytes(8).toString("hex")}${extension}`
}

/** The folder of `key` below `root`, made when it is missing; never through a symbolic link. */
export async function makeFolderOf(root: string, key: string): Promise<string> {
  let folder = root
  for (const part of dirname(key).split("/")) {
    if (part === ".") continue
    folder = join(folder, part)
    try {
      await mkdir(folder)
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error
      if (!(await lstat(folder)).isDirectory()) throw outside(key)
    }
  }
  return folder
}

/** Whether the folder of `key` exists; throws when a symbolic link leads it elsewhere. */
export async function hasFolderOf(root: string, key: string): Promise<boolean> {
  const folder = dirname(join(root, key))
  const real = await unlessMissing(realpath(folder))
  if (real !== undefined && real !== folder) throw outside(key)
  return real !== undefined
}

export async function readRecord(root: string, key: string): Promise<DiskRecord | undefined> {
  if (!(await hasFolderOf(root, key))) return undefined
  const flag = constants.O_RDONLY | constants.O_NOFOLLOW
  const text = await unlessMissing(readFile(recordPath(root, key), { encoding: "utf8", flag }))
  return text === undefined ? undefined : DiskRecord.parse(JSON.parse(text))
}

/** The object and where its bytes are. `root` is a real path. */
export async function findObject(root: string, key: string): Promise<FoundObject | undefined> {
  // An overwrite removes the old bytes after the new record is in place: whoever misses them reads the record again.
  for (let look = 0; look < 3; look++) {
    const record = await readRecord(root, key)
    if (record === undefined) return undefined
    const path = join(dirname(join(root, key)), record.file)
    const facts = await unlessMissing(lstat(path))
    if (facts === undefined) continue
    if (!facts.isFile() || facts.size !== record.bytes) throw storageFailure(`The file of ${key} was changed`)
    const object = { key, bytes: record.bytes, contentType: record.content_type, metadata: record.metadata }
    return { object, path, sha256: record.sha256 }
  }
  throw storageFailure(`The file of ${key} is missing`)
}

/** Makes renames and links in `folder` survive a power cut; where folders cannot be synced, the file system decides. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, "r")
    await handle.sync()
  } catch (error) {
    if (!["EISDIR", "EPERM", "EINVAL", "EACCES"].includes(codeOf(error) ?? "")) throw error
  }
}

export async function unlessMissing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined
    throw error
  }
}

function outside(key: string) {
  return storageFailure(`A symbolic link leads ${key} out of the storage folder`)
}
