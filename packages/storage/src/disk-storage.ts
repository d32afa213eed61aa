import { randomUUID } from "node:crypto"
import { constants } from "node:fs"
import { lstat, mkdir, open, readdir, realpath, rename, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"

import { checkKey, checkMetadata } from "./check-key.ts"
import { findObject, hasFolderOf, recordPath, unlessMissing, workFolder } from "./disk-layout.ts"
import { putOnDisk } from "./disk-put.ts"
import { signFileUrl, type FileSecret } from "./file-url.ts"
import { codeOf, explained, storageFailure } from "./storage-failure.ts"
import type { Storage } from "./storage.ts"

const leftoverMs = 3_600_000

/** Objects as files of one folder; its signed URLs are answered by `serveFile` below `baseUrl`. */
export function createDiskStorage(options: { folder: string; baseUrl: string; secret: FileSecret }): Storage {
  let preparing: Promise<string> | undefined
  /** The real path of the folder; a start that failed, such as on a missing volume, is tried again. */
  function root(): Promise<string> {
    preparing ??= prepare(options.folder).catch((error: unknown) => {
      preparing = undefined
      throw error
    })
    return preparing
  }
  root().catch(() => undefined)

  return {
    kind: "disk",
    put: (key, body, put) =>
      run(
        "write",
        async () => {
          checkKey(key)
          checkMetadata(put.metadata ?? {})
          return putOnDisk(await root(), key, body, put)
        },
        put.signal,
      ),
    head: (key, signal) => run("look up", async () => (await find(root(), key))?.object, signal),
    open: (key, { signal } = {}) => run("read", async () => openFile(await root(), key, signal), signal),
    remove: (key, signal) => run("remove from", async () => removeFile(await root(), key), signal),
    removeAll: (prefix, signal) => run("remove from", async () => removeFolder(await root(), prefix), signal),
    sign: (key, file) =>
      run("sign for", async () => {
        checkKey(key)
        return signFileUrl({ ...options, ...file, key })
      }),
    check: (signal) => run("write", async () => tryToWrite(await root(), signal), signal),
    async [Symbol.asyncDispose]() {
      await preparing?.catch(() => undefined)
    },
  }
}

function run<T>(verb: string, step: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  return explained(step, (error) => unusable(verb, error), signal)
}

/** Makes the folder and removes what a process that died left in the work folder. */
async function prepare(folder: string): Promise<string> {
  await mkdir(join(folder, workFolder), { recursive: true })
  const root = await realpath(folder)
  const work = join(root, workFolder)
  for (const name of await readdir(work)) {
    const facts = await unlessMissing(stat(join(work, name)))
    if (facts !== undefined && Date.now() - facts.mtimeMs > leftoverMs) {
      await rm(join(work, name), { recursive: true, force: true })
    }
  }
  return root
}

async function find(root: Promise<string>, key: string) {
  checkKey(key)
  return findObject(await root, key)
}

async function openFile(root: string, key: string, signal: AbortSignal | undefined) {
  checkKey(key)
  // Between finding and opening an overwrite may have removed the file: then the new one is found.
  for (let look = 0; look < 3; look++) {
    const found = await findObject(root, key)
    if (found === undefined) return undefined
    const handle = await unlessMissing(open(found.path, constants.O_RDONLY | constants.O_NOFOLLOW))
    if (handle === undefined) continue
    return { object: found.object, stream: handle.createReadStream(signal === undefined ? {} : { signal }) }
  }
  throw storageFailure(`The file of ${key} is missing`)
}

/** The record goes first: from then on there is no such object. */
async function removeFile(root: string, key: string): Promise<boolean> {
  checkKey(key)
  const found = await findObject(root, key)
  if (found === undefined) return false
  await rm(recordPath(root, key), { force: true })
  await rm(found.path, { force: true })
  return true
}

/** Moves the folder away in one step, then deletes it: no half-removed job is ever seen. */
async function removeFolder(root: string, prefix: string): Promise<number> {
  checkKey(prefix)
  if (!(await hasFolderOf(root, prefix))) return 0
  const folder = await unlessMissing(lstat(join(root, prefix)))
  if (!folder?.isDirectory()) return 0
  const away = join(root, workFolder, randomUUID())
  try {
    await rename(join(root, prefix), away)
  } catch (error) {
    if (codeOf(error) === "ENOENT") return 0
    throw error
  }
  const names = await readdir(away, { recursive: true })
  await rm(away, { recursive: true, force: true })
  return names.filter((name) => name.endsWith("~")).length
}

async function tryToWrite(root: string, signal: AbortSignal | undefined): Promise<void> {
  const path = join(root, workFolder, randomUUID())
  try {
    await writeFile(path, "", { flag: "wx", signal })
  } finally {
    await rm(path, { force: true })
  }
}

/** The folder's path stays in the cause, for the log. */
function unusable(verb: string, error: unknown) {
  const code = codeOf(error)
  return storageFailure(
    `Disk storage could not ${verb} its folder${code === undefined ? "" : ` (${code})`}`,
    error,
  )
}
