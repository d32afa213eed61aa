import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3"
import { getSignedUrl } from "@aws-sdk/s3-request-presigner"
import { create as contentDisposition } from "content-disposition"

import { checkKey, checkMetadata } from "./check-key.ts"
import { createOneAtATime } from "./one-at-a-time.ts"
import { createS3Client, type S3ClientOptions } from "./s3-client.ts"
import { s3Failure } from "./s3-failure.ts"
import { headObject, openObject, removeObject, removeObjects, type Bucket } from "./s3-objects.ts"
import { putIfAbsent, putObject } from "./s3-put.ts"
import { explained, storageFailure } from "./storage-failure.ts"
import type { Storage } from "./storage.ts"

export type S3StorageOptions = S3ClientOptions & {
  bucket: string
  prefix?: string | undefined
  /** A CDN or public bucket: its plain URLs are handed out instead of signed ones. */
  publicBaseUrl?: string | undefined
  /** The endpoint as callers reach it, for signed links; absent: the same one. */
  publicEndpoint?: string | undefined
}

/** SigV4 allows no more. */
const longestLinkSeconds = 7 * 24 * 3600
const checkFreshMs = 30_000

/**
 * Objects in an S3-compatible bucket. Needs GetObject, PutObject, DeleteObject and ListBucket (without the last, AWS
 * answers 403 for an absent object).
 */
export function createS3Storage(options: S3StorageOptions): Storage {
  const { publicEndpoint, maxAttempts: attempts = 3 } = options
  const client = createS3Client({ ...options, maxAttempts: attempts })
  const bucket: Bucket = {
    client,
    name: options.bucket,
    prefix: options.prefix ? `${options.prefix}/` : "",
    attempts,
  }
  const linking = publicEndpoint ? createS3Client({ ...options, endpoint: publicEndpoint }) : client
  const oneAtATime = createOneAtATime()
  let writtenAt = -Infinity

  function run<T>(operation: string, step: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return explained(step, (error) => s3Failure(options.bucket, operation, error), signal)
  }

  return {
    kind: "s3",
    put: (key, body, put) =>
      run(
        "PutObject",
        async () => {
          checkKey(key)
          checkMetadata(put.metadata ?? {})
          try {
            if (put.ifAbsent) return await oneAtATime(key, () => putIfAbsent(bucket, key, body, put))
            await putObject(bucket, key, body, put)
            return { stored: true }
          } catch (error) {
            // Whatever a check said a moment ago.
            writtenAt = -Infinity
            throw error
          }
        },
        put.signal,
      ),
    head: (key, signal) => run("HeadObject", () => headObject(bucket, key, signal), signal),
    open: (key, { signal } = {}) => run("GetObject", () => openObject(bucket, key, signal), signal),
    remove: (key, signal) => run("DeleteObject", () => removeObject(bucket, key, signal), signal),
    removeAll: (prefix, signal) => run("DeleteObject", () => removeObjects(bucket, prefix, signal), signal),
    sign: (key, link) =>
      run("signing", async () => {
        checkKey(key)
        if (!options.publicBaseUrl) return signObject({ ...bucket, client: linking }, key, link)
        return `${options.publicBaseUrl.replace(/\/+$/, "")}/${key}`
      }),
    check: (signal) =>
      run(
        "PutObject",
        async () => {
          // Readiness asks often and every PUT is billed, so a success holds for a while.
          if (performance.now() - writtenAt < checkFreshMs) return
          await writeProbe(bucket, signal)
          writtenAt = performance.now()
        },
        signal,
      ),
    async [Symbol.asyncDispose]() {
      client.destroy()
      linking.destroy()
    },
  }
}

/** With credentials of a role the link ends with the role's session, if that is sooner. */
async function signObject(
  bucket: Bucket,
  key: string,
  link: { expiresAt: Date; downloadName?: string | undefined },
): Promise<string> {
  const seconds = Math.floor((link.expiresAt.getTime() - Date.now()) / 1000)
  if (seconds > longestLinkSeconds) throw storageFailure("A link into S3 lives 7 days at most")
  const command = new GetObjectCommand({
    Bucket: bucket.name,
    Key: bucket.prefix + key,
    ...(link.downloadName ? { ResponseContentDisposition: contentDisposition(link.downloadName) } : {}),
  })
  return getSignedUrl(bucket.client, command, { expiresIn: Math.max(1, seconds) })
}

/** Always the same small object, so that nothing piles up. */
async function writeProbe(bucket: Bucket, signal: AbortSignal | undefined): Promise<void> {
  const command = new PutObjectCommand({ Bucket: bucket.name, Key: `${bucket.prefix}.kiln-check`, Body: "" })
  await bucket.client.send(command, signal === undefined ? {} : { abortSignal: signal })
}
