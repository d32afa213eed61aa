import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { stat } from "node:fs/promises"
import type { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { setTimeout as delay } from "node:timers/promises"

import { PutObjectCommand } from "@aws-sdk/client-s3"

import { isPassing, statusOf } from "./s3-failure.ts"
import { headObject, type Bucket } from "./s3-objects.ts"
import { storageFailure } from "./storage-failure.ts"
import type { FileBody, PutOptions } from "./storage.ts"

const conflictTries = 3

/** Many stores ignore If-None-Match, so the object is looked for first; the caller lets in one writer at a time. */
export async function putIfAbsent(
  bucket: Bucket,
  key: string,
  body: FileBody | Uint8Array,
  options: PutOptions,
): Promise<{ stored: boolean }> {
  for (let attempt = 0; attempt < conflictTries; attempt++) {
    if ((await headObject(bucket, key, options.signal)) !== undefined) return { stored: false }
    try {
      await putObject(bucket, key, body, options)
      return { stored: true }
    } catch (error) {
      if (statusOf(error) === 412) return { stored: false }
      // A race with a DELETE, or with another writer that may yet fail: only another look tells.
      if (statusOf(error) !== 409) throw error
    }
  }
  throw storageFailure(`S3 bucket ${bucket.name} kept answering PutObject with a conflict`)
}

/** The SDK never sends a stream again after a failure, so the tries of a file are counted here, each with a new stream. */
export async function putObject(
  bucket: Bucket,
  key: string,
  body: FileBody | Uint8Array,
  options: PutOptions,
): Promise<void> {
  if (body instanceof Uint8Array || body.bytes === 0) {
    return sendBytes(bucket, key, body instanceof Uint8Array ? body : new Uint8Array(), options)
  }
  const { size } = await stat(body.path)
  // A Content-Length that the stream does not fill leaves the store waiting.
  if (size !== body.bytes)
    throw storageFailure(`The file to store has ${size} bytes instead of ${body.bytes}`)
  const sha256 = body.sha256 ?? (await sha256Of(body.path, options.signal))
  for (let attempt = 1; ; attempt++) {
    try {
      return await sendStream(bucket, key, { ...body, sha256 }, options)
    } catch (error) {
      if (options.signal?.aborted || attempt >= bucket.attempts || !isPassing(error)) throw error
      await delay(Math.random() * 100 * 2 ** attempt, undefined, { signal: options.signal })
    }
  }
}

async function sendBytes(bucket: Bucket, key: string, bytes: Uint8Array, options: PutOptions): Promise<void> {
  const command = putCommand(bucket, { key, bytes: bytes.length, options, content: bytes })
  await bucket.client.send(command, options.signal === undefined ? {} : { abortSignal: options.signal })
}

async function sendStream(
  bucket: Bucket,
  key: string,
  file: FileBody & { sha256: string },
  options: PutOptions,
): Promise<void> {
  const stream = createReadStream(file.path, { end: file.bytes - 1, highWaterMark: 256 * 1024 })
  // The SDK pipes without looking at the source's errors: its request would hang until the idle timeout.
  const broken = new AbortController()
  stream.once("error", (error) => broken.abort(error))
  const signals = options.signal === undefined ? [broken.signal] : [broken.signal, options.signal]
  const command = putCommand(bucket, { key, bytes: file.bytes, options, content: stream })
  command.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> }
      // The signer takes it from here instead of signing an unknown payload; the store checks what it received.
      headers["x-amz-content-sha256"] = file.sha256
      return next(args)
    },
    { step: "build", name: "knownSha256" },
  )
  try {
    await bucket.client.send(command, { abortSignal: AbortSignal.any(signals) })
  } catch (error) {
    throw broken.signal.aborted
      ? storageFailure("The file to store cannot be read", broken.signal.reason)
      : error
  } finally {
    stream.destroy()
  }
}

function putCommand(
  bucket: Bucket,
  put: { key: string; bytes: number; options: PutOptions; content: Readable | Uint8Array },
): PutObjectCommand {
  const { contentType, metadata, ifAbsent } = put.options
  return new PutObjectCommand({
    Bucket: bucket.name,
    Key: bucket.prefix + put.key,
    Body: put.content,
    ContentLength: put.bytes,
    ContentType: contentType,
    Metadata: { ...metadata },
    ...(ifAbsent ? { IfNoneMatch: "*" } : {}),
  })
}

async function sha256Of(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash("sha256")
  await pipeline(createReadStream(path), hash, signal === undefined ? {} : { signal })
  return hash.digest("hex")
}
