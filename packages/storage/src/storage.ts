import type { Readable } from "node:stream"

/** A local file to store. `sha256` is lower-case hex, trusted, and saves reading the file twice. */
export type FileBody = { path: string; bytes: number; sha256?: string | undefined }

/** What the store knows about one object. Names of metadata are lower case. */
export type StoredObject = {
  key: string
  bytes: number
  contentType: string
  metadata: Readonly<Record<string, string>>
}

export type PutOptions = {
  contentType: string
  metadata?: Readonly<Record<string, string>> | undefined
  ifAbsent?: boolean | undefined
  signal?: AbortSignal | undefined
}

/** Where images live. Everything throws `storage_error`, or the signal's own reason once it is aborted. */
export interface Storage extends AsyncDisposable {
  readonly kind: "disk" | "s3"
  /** Streams a local file (or small bytes) to `key`. With ifAbsent an object that is already there stays and `stored` is false. */
  put(key: string, body: FileBody | Uint8Array, options: PutOptions): Promise<{ stored: boolean }>
  head(key: string, signal?: AbortSignal): Promise<StoredObject | undefined>
  /** The object's bytes as a stream, which the caller reads or destroys; undefined when there is no object. */
  open(
    key: string,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<{ object: StoredObject; stream: Readable } | undefined>
  /** Removes one object; answers whether it was there. */
  remove(key: string, signal?: AbortSignal): Promise<boolean>
  /** Removes every object whose key starts with `prefix/`; answers how many. */
  removeAll(prefix: string, signal?: AbortSignal): Promise<number>
  /** A URL that anybody may GET until `expiresAt`. */
  sign(key: string, options: { expiresAt: Date; downloadName?: string | undefined }): Promise<string>
  /** Throws when the store cannot be written. */
  check(signal?: AbortSignal): Promise<void>
}
