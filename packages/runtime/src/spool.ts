import { randomUUID } from "node:crypto"
import { mkdir, readdir, rm, rmdir, stat } from "node:fs/promises"
import { join } from "node:path"

const leftoverMs = 24 * 3_600_000

/**
 * A folder of this process for images on their way to storage. What is still in it at the end stays for the next
 * process; what nobody wanted for a day is removed.
 */
export async function openSpool(dataDir: string): Promise<AsyncDisposable & { folder: string }> {
  const parent = join(dataDir, "spool")
  const folder = join(parent, randomUUID())
  await mkdir(folder, { recursive: true })
  for (const name of await readdir(parent)) {
    const facts = await stat(join(parent, name)).catch(() => undefined)
    if (facts && Date.now() - facts.mtimeMs > leftoverMs) {
      await rm(join(parent, name), { recursive: true, force: true })
    }
  }
  return {
    folder,
    async [Symbol.asyncDispose]() {
      await rmdir(folder).catch(() => undefined)
    },
  }
}
