import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

export type Registry = AsyncDisposable & { path: string }

/** A file for `KILN_MODELS`: entries that are added, or laid over those that are built in. */
export async function writeRegistry(
  entries: readonly ({ id: string } & Record<string, unknown>)[],
): Promise<Registry> {
  const folder = await mkdtemp(join(tmpdir(), "kiln-models-"))
  const path = join(folder, "models.json")
  await writeFile(path, JSON.stringify(entries))
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}
