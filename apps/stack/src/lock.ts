import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"

/**
 * Keeps a data folder to one process. The lock is SQLite's, so the kernel frees it however the process ends: no stale
 * file to recognise. Throws a sentence for the operator if the folder is taken.
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  const database = await openLock(folder)
  try {
    database.exec("BEGIN EXCLUSIVE")
  } catch (error) {
    database.close()
    if (!isBusy(error)) throw error
    throw new Error(
      `Another Kiln is running on ${folder}: stop it, or set KILN_DATA_DIR (and KILN_PORT) to something else.`,
      { cause: error },
    )
  }
  return { [Symbol.asyncDispose]: async () => database.close() }
}

async function openLock(folder: string): Promise<DatabaseSync> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return new DatabaseSync(join(folder, "lock"), { timeout: 0 })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`KILN_DATA_DIR is a folder that cannot be written: ${why}`, { cause: error })
  }
}

const SQLITE_BUSY = 5

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY
}
