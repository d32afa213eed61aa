import { randomInt, randomUUID } from "node:crypto"
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/**
 * Reads the secret kept in `folder/name`, or makes it: `prefix` and letters and digits that hold about `bytes` bytes of
 * randomness. The file is readable by its owner only. Processes that ask at the same time get the same secret.
 */
export async function loadOrCreateSecret({
  folder,
  name,
  bytes,
  prefix = "",
}: {
  folder: string
  name: string
  bytes: number
  prefix?: string
}): Promise<string> {
  const file = join(folder, name)
  const kept = await read(file)
  if (kept !== undefined) return kept
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await createOnce(file, `${prefix}${randomLetters(Math.ceil((bytes * 4) / 3))}\n`)
  const made = await read(file)
  if (made === undefined) throw new Error(`${file} was removed while it was being made.`)
  return made
}

async function read(file: string): Promise<string | undefined> {
  try {
    const secret = (await readFile(file, "utf8")).trim()
    if (secret === "")
      throw new Error(`${file} is empty: put its secret back, or remove it to have a new one made.`)
    return secret
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined
    throw error
  }
}

/** A link, unlike a rename, refuses to replace: the first process wins and nobody reads half a secret. */
async function createOnce(file: string, content: string): Promise<void> {
  const draft = `${file}.${randomUUID()}`
  try {
    await writeFile(draft, content, { mode: 0o600, flag: "wx", flush: true })
    await link(draft, file)
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error
  } finally {
    await rm(draft, { force: true })
  }
}

function randomLetters(length: number): string {
  return Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join("")
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code
}
