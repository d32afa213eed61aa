import { randomBytes } from "node:crypto"

import type { Clock } from "../clock.ts"
import { GoogleError } from "../google-error.ts"
import { hashOf } from "../hash-of.ts"

/** An uploaded file; it belongs to the key that uploaded it. */
export type StoredFile = {
  id: string
  key: string
  displayName: string | undefined
  mimeType: string
  bytes: Buffer
  createdAt: number
  /** Until then the file is PROCESSING. */
  readyAt: number
}

export type FileStore = {
  add(file: { key: string; id?: string; displayName?: string; mimeType: string; bytes: Buffer }): StoredFile
  /** @throws GoogleError 403 for a file that is missing, expired or another key's: the API does not tell which. */
  get(id: string, key: string): StoredFile
  /** The bytes, for a request that refers to the file. @throws also 400 while the file is PROCESSING. */
  use(id: string, key: string): Buffer
  list(key: string): StoredFile[]
  remove(id: string, key: string): void
  clear(): void
}

/** How long a file lives. */
const fileLifeMs = 48 * 3600 * 1000

/** Keeps files in memory, at most `limitBytes` of them together. */
export function createFileStore({ clock, limitBytes }: { clock: Clock; limitBytes: number }): FileStore {
  const files = new Map<string, StoredFile>()
  const dropExpired = () => {
    for (const file of files.values()) {
      if (file.createdAt + fileLifeMs <= clock.now()) files.delete(file.id)
    }
  }
  const get = (id: string, key: string): StoredFile => {
    dropExpired()
    const file = files.get(id)
    if (file !== undefined && file.key === key) return file
    throw new GoogleError(
      "PERMISSION_DENIED",
      `You do not have permission to access the File ${id} or it may not exist.`,
    )
  }
  return {
    get,
    add({ key, id, displayName, mimeType, bytes }) {
      dropExpired()
      const stored = [...files.values()].reduce((sum, file) => sum + file.bytes.length, 0)
      if (stored + bytes.length > limitBytes) throw storageFull()
      const createdAt = clock.now()
      const readyAt = createdAt + processingMs(displayName)
      const file = { id: id ?? newId(), key, displayName, mimeType, bytes, createdAt, readyAt }
      files.set(file.id, file)
      return file
    },
    use(id, key) {
      const file = get(id, key)
      if (file.readyAt <= clock.now()) return file.bytes
      const message = `The File ${id} is not in an ACTIVE state and usage is not allowed.`
      throw new GoogleError("FAILED_PRECONDITION", message)
    },
    list(key) {
      dropExpired()
      return [...files.values()].filter((file) => file.key === key).toReversed()
    },
    remove(id, key) {
      files.delete(get(id, key).id)
    },
    clear: () => files.clear(),
  }
}

/** A file as the API answers it; `origin` is the address that the caller used. */
export function fileResource(file: StoredFile, origin: string, now: number) {
  const { id, displayName, mimeType, bytes, createdAt } = file
  return {
    name: `files/${id}`,
    ...(displayName !== undefined && { displayName }),
    mimeType,
    sizeBytes: String(bytes.length),
    createTime: new Date(createdAt).toISOString(),
    updateTime: new Date(createdAt).toISOString(),
    expirationTime: new Date(createdAt + fileLifeMs).toISOString(),
    sha256Hash: hashOf(bytes).toString("base64"),
    uri: `${origin}/v1beta/files/${id}`,
    state: file.readyAt <= now ? "ACTIVE" : "PROCESSING",
    source: "UPLOADED",
  }
}

/** `[[processing:30]]` in the display name keeps a file PROCESSING for 30 s; images are ready at once. */
function processingMs(displayName = ""): number {
  return Number(/\[\[processing:(\d+)\]\]/.exec(displayName)?.[1] ?? 0) * 1000
}

function newId(): string {
  return randomBytes(8).toString("hex").slice(0, 12)
}

function storageFull(): GoogleError {
  return new GoogleError("RESOURCE_EXHAUSTED", "You have exceeded your file storage quota.")
}
