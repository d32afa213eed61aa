import { constants } from "node:fs"
import { lstat, open, realpath } from "node:fs/promises"
import { join, sep } from "node:path"
import { Readable } from "node:stream"

import { GetObjectCommand, HeadObjectCommand } from "@aws-sdk/client-s3"
import { isObjectName } from "@kiln/contract"

import { unlessMissing } from "./disk-layout.ts"
import { createS3Client, type S3ClientOptions } from "./s3-client.ts"
import { isMissing, s3Failure } from "./s3-failure.ts"
import { codeOf, explained, storageFailure } from "./storage-failure.ts"

/** An object that somebody else put there. */
type FoundInput = { bytes: number; stream: Readable }

/**
 * A bucket of images that Kiln only reads, with a folder a tenant: names cannot lead out of it. Everything throws
 * `storage_error`, or the signal's own reason once it is aborted.
 */
export type InputBucket = AsyncDisposable & {
  /** The size of an object; undefined when there is none. */
  sizeOf(tenant: string, name: string, signal?: AbortSignal): Promise<number | undefined>
  /** The object's bytes, which the caller reads or destroys; undefined when there is none. */
  open(tenant: string, name: string, signal?: AbortSignal): Promise<FoundInput | undefined>
}

const failed = (error: unknown) =>
  storageFailure(`The folder of input images could not be read (${codeOf(error) ?? "unknown"})`, error)

/** Plain files, as a person or a sync puts them into a folder. */
export function createFolderBucket({ folder }: { folder: string }): InputBucket {
  /** The real path of a file in the tenant's own folder; a link that leads out of it leads nowhere. */
  async function find(tenant: string, name: string): Promise<{ path: string; bytes: number } | undefined> {
    checkName(tenant, name)
    const own = await unlessMissing(realpath(join(folder, tenant)))
    const path = own && (await unlessMissing(realpath(join(own, name))))
    if (own === undefined || path === undefined || !path.startsWith(own + sep)) return undefined
    const facts = await unlessMissing(lstat(path))
    return facts?.isFile() ? { path, bytes: facts.size } : undefined
  }

  return {
    sizeOf: (tenant, name, signal) =>
      explained(async () => (await find(tenant, name))?.bytes, failed, signal),
    open: (tenant, name, signal) =>
      explained(
        async () => {
          const found = await find(tenant, name)
          if (!found) return undefined
          const file = await unlessMissing(open(found.path, constants.O_RDONLY | constants.O_NOFOLLOW))
          return file && { bytes: found.bytes, stream: file.createReadStream(signal ? { signal } : {}) }
        },
        failed,
        signal,
      ),
    async [Symbol.asyncDispose]() {},
  }
}

/** Needs GetObject and ListBucket (without the last, AWS answers 403 for an absent object). */
export function createS3Bucket(options: S3ClientOptions & { bucket: string; prefix?: string }): InputBucket {
  const { bucket: Bucket, prefix } = options
  const client = createS3Client(options)
  const keyOf = (tenant: string, name: string) => {
    checkName(tenant, name)
    return [...(prefix ? [prefix] : []), tenant, name].join("/")
  }

  async function read<Reply>(
    operation: string,
    step: () => Promise<Reply>,
    signal?: AbortSignal,
  ): Promise<Reply | undefined> {
    const found = () =>
      step().catch((error: unknown) => {
        if (isMissing(error)) return undefined
        throw error
      })
    return explained(found, (error) => s3Failure(Bucket, operation, error), signal)
  }

  return {
    sizeOf: (tenant, name, signal) =>
      read(
        "HeadObject",
        async () => {
          const command = new HeadObjectCommand({ Bucket, Key: keyOf(tenant, name) })
          return (await client.send(command, signal ? { abortSignal: signal } : {})).ContentLength
        },
        signal,
      ),
    open: (tenant, name, signal) =>
      read(
        "GetObject",
        async () => {
          const command = new GetObjectCommand({ Bucket, Key: keyOf(tenant, name) })
          const { Body, ContentLength = 0 } = await client.send(
            command,
            signal ? { abortSignal: signal } : {},
          )
          if (!(Body instanceof Readable)) throw storageFailure(`S3 bucket ${Bucket} answered without a body`)
          return { bytes: ContentLength, stream: Body }
        },
        signal,
      ),
    async [Symbol.asyncDispose]() {
      client.destroy()
    },
  }
}

/** The contract lets no other names in; whoever forgets that is stopped here. */
function checkName(tenant: string, name: string): void {
  if (tenant === "" || tenant.includes("/") || !isObjectName(tenant) || !isObjectName(name)) {
    throw storageFailure(`${JSON.stringify(name)} is no name of an input image`)
  }
}
