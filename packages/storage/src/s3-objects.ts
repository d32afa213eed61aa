import { addAbortSignal, Readable } from "node:stream"

import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from "@aws-sdk/client-s3"

import { checkKey } from "./check-key.ts"
import { isMissing } from "./s3-failure.ts"
import { storageFailure } from "./storage-failure.ts"
import type { StoredObject } from "./storage.ts"

/** `prefix` is empty or ends with a slash. */
export type Bucket = { client: S3Client; name: string; prefix: string; attempts: number }

const deletesAtOnce = 16

export async function headObject(
  bucket: Bucket,
  key: string,
  signal?: AbortSignal,
): Promise<StoredObject | undefined> {
  checkKey(key)
  const command = new HeadObjectCommand({ Bucket: bucket.name, Key: bucket.prefix + key })
  const reply = await unlessAbsent(bucket.client.send(command, abortedBy(signal)))
  return reply && describe(key, reply)
}

export async function openObject(
  bucket: Bucket,
  key: string,
  signal?: AbortSignal,
): Promise<{ object: StoredObject; stream: Readable } | undefined> {
  checkKey(key)
  const command = new GetObjectCommand({ Bucket: bucket.name, Key: bucket.prefix + key })
  const reply = await unlessAbsent(bucket.client.send(command, abortedBy(signal)))
  if (reply === undefined) return undefined
  if (!(reply.Body instanceof Readable))
    throw storageFailure(`S3 bucket ${bucket.name} answered without a body`)
  // The SDK heeds the signal until the head of the answer is there, not after it.
  const stream = signal === undefined ? reply.Body : addAbortSignal(signal, reply.Body)
  return { object: describe(key, reply), stream }
}

/** S3 itself does not tell whether there was anything to delete. */
export async function removeObject(bucket: Bucket, key: string, signal?: AbortSignal): Promise<boolean> {
  const wasThere = (await headObject(bucket, key, signal)) !== undefined
  const command = new DeleteObjectCommand({ Bucket: bucket.name, Key: bucket.prefix + key })
  await bucket.client.send(command, abortedBy(signal))
  return wasThere
}

/** One by one: the bulk DeleteObjects needs a checksum, which older stores lack or want of another kind. */
export async function removeObjects(bucket: Bucket, prefix: string, signal?: AbortSignal): Promise<number> {
  checkKey(prefix)
  const { client, name: Bucket } = bucket
  const list = { Bucket, Prefix: `${bucket.prefix}${prefix}/` }
  let removed = 0
  for await (const page of paginateListObjectsV2({ client }, list, abortedBy(signal))) {
    const names = (page.Contents ?? []).flatMap(({ Key }) => Key ?? [])
    for (let start = 0; start < names.length; start += deletesAtOnce) {
      const some = names.slice(start, start + deletesAtOnce)
      await Promise.all(
        some.map((Key) => client.send(new DeleteObjectCommand({ Bucket, Key }), abortedBy(signal))),
      )
      removed += some.length
    }
  }
  return removed
}

function abortedBy(signal: AbortSignal | undefined) {
  return signal === undefined ? {} : { abortSignal: signal }
}

async function unlessAbsent<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

type Facts = {
  ContentLength?: number | undefined
  ContentType?: string | undefined
  Metadata?: Record<string, string> | undefined
}

function describe(key: string, facts: Facts): StoredObject {
  return {
    key,
    bytes: facts.ContentLength ?? 0,
    contentType: facts.ContentType ?? "application/octet-stream",
    metadata: facts.Metadata ?? {},
  }
}
