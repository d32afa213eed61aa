import { storageFailure } from "./storage-failure.ts"

const keyBytes = 1024
/** Leaves room for what the disk appends to a file's name, within the 255 of common file systems. */
const segmentBytes = 200
const segment = /^[A-Za-z0-9._=-]+$/

/** Throws unless `key` is plain segments of [A-Za-z0-9._=-] joined by `/`: safe as a path, in a URL and on every store. */
export function checkKey(key: string): void {
  if (key.length > keyBytes) throw storageFailure(`A storage key is longer than ${keyBytes} characters`)
  for (const part of key.split("/")) {
    if (!segment.test(part) || part === "." || part === ".." || part.length > segmentBytes) {
      throw storageFailure(`${JSON.stringify(key)} is not a storage key`)
    }
  }
}

const metadataBytes = 2048
const metadataName = /^[a-z0-9][a-z0-9-]*$/
const metadataValue = /^[\x20-\x7e]+$/

/** Throws unless the metadata can travel as HTTP headers (stores drop empty ones); the 2 KB are S3's own limit. */
export function checkMetadata(metadata: Readonly<Record<string, string>>): void {
  let bytes = 0
  for (const [name, value] of Object.entries(metadata)) {
    if (!metadataName.test(name) || !metadataValue.test(value) || value !== value.trim()) {
      throw storageFailure(`Metadata ${JSON.stringify(name)} of an object is not plain ASCII text`)
    }
    bytes += name.length + value.length
  }
  if (bytes > metadataBytes)
    throw storageFailure(`Metadata of an object is larger than ${metadataBytes} bytes`)
}
