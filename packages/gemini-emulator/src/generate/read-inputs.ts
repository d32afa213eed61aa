import type { FileStore } from "../files/file-store.ts"
import { GoogleError, retryOrReport } from "../google-error.ts"
import type { GenerateRequest, Part } from "../messages/generate-request.ts"
import { inspectImage, type InspectedImage } from "../picture/inspect-image.ts"
import { allParts, imageParts } from "./request-parts.ts"

/**
 * Fetches and decodes the user's images, in order. Addresses outside the emulator are not fetched: such an image is
 * unknown in shape and look.
 * @throws GoogleError 400 for bytes that are no image, 403 for a file that is missing or another key's.
 */
export async function readInputs(
  request: GenerateRequest,
  files: FileStore,
  key: string,
): Promise<(InspectedImage | null)[]> {
  for (const { fileData } of allParts(request)) {
    if (fileData !== undefined) fileBytes(fileData.fileUri ?? "", files, key)
  }
  return Promise.all(imageParts(request).map((part) => readInput(part, files, key)))
}

async function readInput(part: Part, files: FileStore, key: string): Promise<InspectedImage | null> {
  const bytes = partBytes(part, files, key)
  if (bytes === null) return null
  const image = await inspectImage(bytes)
  if (image !== undefined) return image
  throw new GoogleError("INVALID_ARGUMENT", `Unable to process input image. ${retryOrReport}`)
}

/** The bytes of an image part; null for an address that is not fetched. @throws GoogleError as `readInputs` does. */
export function partBytes({ inlineData, fileData }: Part, files: FileStore, key: string): Buffer | null {
  return inlineData === undefined
    ? fileBytes(fileData?.fileUri ?? "", files, key)
    : Buffer.from(inlineData.data ?? "", "base64")
}

function fileBytes(uri: string, files: FileStore, key: string): Buffer | null {
  const id = /(?:^|\/v1(?:beta)?\/)files\/([^/?]+)$/.exec(uri)?.[1]
  if (id !== undefined) return files.use(id, key)
  if (uri.startsWith("https://")) return null
  throw new GoogleError("INVALID_ARGUMENT", `Invalid or unsupported file uri: ${uri}`)
}
