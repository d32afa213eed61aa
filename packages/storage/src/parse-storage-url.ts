import { resolve } from "node:path"
import { fileURLToPath } from "node:url"

import { checkKey } from "./check-key.ts"

export type StorageLocation =
  | { kind: "disk"; folder: string }
  | { kind: "s3"; bucket: string; prefix?: string }

const s3Url = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/

/** Reads `file:/path`, `file:relative/path` or `s3://bucket/prefix`; throws a sentence about anything else. */
export function parseStorageUrl(url: string, variable = "KILN_STORAGE"): StorageLocation {
  const unreadable = (options?: ErrorOptions) => notUnderstood(variable, options)
  if (url.startsWith("file:")) return { kind: "disk", folder: folderOf(url, unreadable) }
  const [matched, bucket, path = ""] = s3Url.exec(url) ?? []
  if (matched === undefined || bucket === undefined) throw unreadable()
  const prefix = path.replace(/\/$/, "")
  if (prefix === "") return { kind: "s3", bucket }
  try {
    checkKey(prefix)
  } catch (error) {
    throw unreadable({ cause: error })
  }
  return { kind: "s3", bucket, prefix }
}

function folderOf(url: string, unreadable: (options?: ErrorOptions) => Error): string {
  const path = url.slice("file:".length)
  if (path === "" || path.includes("\0")) throw unreadable()
  if (!path.startsWith("//")) return resolve(path)
  try {
    return fileURLToPath(url)
  } catch (error) {
    throw unreadable({ cause: error })
  }
}

/** The value is not repeated: somebody may have written credentials into it. */
function notUnderstood(variable: string, options?: ErrorOptions): Error {
  return new Error(
    `${variable} must be file:/path or s3://bucket/prefix, without user, query or fragment`,
    options,
  )
}
