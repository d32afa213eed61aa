import { randomUUID } from "node:crypto"
import { access, mkdir, readdir, rm, rmdir, stat, utimes } from "node:fs/promises"
import { join } from "node:path"

const leftoverMs = 24 * 3_600_000
/** A folder that is touched so often is a living process's. */
const touchMs = 10 * 60_000

/** Lies in an entry that is not to be removed with its process: what it holds was paid for. */
export const keptNote = "paid.json"

export type Spool = AsyncDisposable & {
  /** Of this process. */
  folder: string
  /** Of all processes of this machine. */
  parent: string
}

/**
 * A folder of this process for images on their way to storage. What is still in it at the end stays for the next
 * process; what is left of a process that has been dead for a day is removed, unless it was paid for.
 */
export async function openSpool(dataDir: string): Promise<Spool> {
  const parent = join(dataDir, "spool")
  const folder = join(parent, randomUUID())
  await mkdir(folder, { recursive: true })
  await removeLeftovers({ folder, parent })
  const touching = setInterval(() => {
    const now = new Date()
    utimes(folder, now, now).catch(() => undefined)
  }, touchMs).unref()
  return {
    folder,
    parent,
    async [Symbol.asyncDispose]() {
      clearInterval(touching)
      await rmdir(folder).catch(() => undefined)
    },
  }
}

/** Removes what processes left that have been dead for a day; `isWanted` is asked of what was paid for. */
export async function removeLeftovers(
  { folder, parent }: Pick<Spool, "folder" | "parent">,
  isWanted: (entry: string) => Promise<boolean> = async () => true,
): Promise<void> {
  for (const name of await namesIn(parent)) {
    const left = join(parent, name)
    const facts = await stat(left).catch(() => undefined)
    if (left === folder || !facts || Date.now() - facts.mtimeMs < leftoverMs) continue
    for (const entry of await namesIn(left)) {
      const isPaid = await exists(join(left, entry, keptNote))
      if (isPaid && (await isWanted(entry))) continue
      await rm(join(left, entry), { recursive: true, force: true })
    }
    // What was removed made the folder look alive.
    await utimes(left, facts.atime, facts.mtime).catch(() => undefined)
    await rmdir(left).catch(() => undefined)
  }
}

/** Bytes of all files below a folder; what goes meanwhile does not count. */
export async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile())
  const facts = await Promise.all(
    files.map(({ parentPath, name }) => stat(join(parentPath, name)).catch(() => undefined)),
  )
  // A picture that needs no converting has two names.
  const sizes = new Map(facts.flatMap((file) => (file ? [[`${file.dev}:${file.ino}`, file.size]] : [])))
  return sizes.values().reduce((sum, size) => sum + size, 0)
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
