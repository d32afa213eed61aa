import { access, constants, stat } from "node:fs/promises"

import { mostAssetBytes } from "@kiln/contract"

/** Why a file cannot be sent as a photo; undefined when it can. */
export async function requirePhoto(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (!found) return "there is no such file"
  if (!found.isFile()) return "is no file"
  if (found.size === 0) return "is empty"
  if (found.size > mostAssetBytes) return `is larger than ${mostAssetBytes / 1e6} MB`
  const isReadable = await access(path, constants.R_OK).then(
    () => true,
    () => false,
  )
  return isReadable ? undefined : "may not be read"
}
