import { open, rename, rm, type FileHandle } from "node:fs/promises"

import { JobFailure } from "@kiln/contract"

/** An image of a reply as it was received; `isIntact` is false when its base64 was broken. */
export type Blob = { number: number; bytes: number; isIntact: boolean }

export type BlobFiles = AsyncDisposable & {
  /** Begins the file of the next image. */
  open(number: number): Promise<void>
  write(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
  /** The image becomes `target`; the others are removed when the files are disposed of, unless they are kept, too. */
  keep(number: number, options?: { withOthers: boolean }): Promise<void>
}

/** The images of one reply, each in a file of its own beside `target`. Throws `storage_error`. */
export function createBlobFiles(target: string): BlobFiles {
  const paths = new Map<number, string>()
  let handle: FileHandle | undefined

  async function close(): Promise<void> {
    const closing = handle
    handle = undefined
    await closing?.close()
  }

  return {
    open: (number) =>
      stored(async () => {
        const path = `${target}.${number}`
        paths.set(number, path)
        handle = await open(path, "w")
      }),
    // writeFile on a handle goes on where the last one ended, and writes all of it.
    write: (bytes) => stored(async () => handle?.writeFile(bytes)),
    close: () => stored(close),
    keep: (number, { withOthers } = { withOthers: false }) =>
      stored(async () => {
        await rename(`${target}.${number}`, target)
        if (withOthers) paths.clear()
        else paths.delete(number)
      }),
    async [Symbol.asyncDispose]() {
      await close().catch(() => undefined)
      await Promise.all(paths.values().map((path) => rm(path, { force: true })))
    },
  }
}

async function stored(step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (cause) {
    throw new JobFailure("storage_error", "The image could not be written to the disk", {
      charged: "unknown",
      cause,
    })
  }
}
