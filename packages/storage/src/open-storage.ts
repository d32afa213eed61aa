import { randomBytes } from "node:crypto"
import { resolve } from "node:path"

import { z } from "zod"

import { createDiskStorage } from "./disk-storage.ts"
import type { FileSecret } from "./file-url.ts"
import { createFolderBucket, createS3Bucket, type InputBucket } from "./input-bucket.ts"
import { parseStorageUrl, type StorageLocation } from "./parse-storage-url.ts"
import type { S3ClientOptions } from "./s3-client.ts"
import { createS3Storage } from "./s3-storage.ts"
import type { Storage } from "./storage.ts"

/** The variables of every process that opens the storage. */
export const storageEnv = {
  KILN_STORAGE: z
    .string()
    .optional()
    .describe("`file:<folder>` or `s3://bucket/prefix`; absent: `objects` in the data folder"),
  KILN_INPUT_STORAGE: z
    .string()
    .optional()
    .describe("`file:` or `s3:` as above, of images named by `key`, in a folder a tenant; absent: none"),
  S3_ENDPOINT: z.url().optional().describe("An S3-compatible server; absent: AWS"),
  S3_REGION: z.string().default("us-east-1").describe("Region of the bucket"),
  S3_FORCE_PATH_STYLE: z
    .stringbool()
    .optional()
    .describe("Bucket in the path, not in the host name; absent: with S3_ENDPOINT only"),
  AWS_ACCESS_KEY_ID: z.string().optional().describe("Absent: the SDK's own chain of credentials"),
  AWS_SECRET_ACCESS_KEY: z.string().optional().describe("Goes with AWS_ACCESS_KEY_ID"),
  S3_PUBLIC_ENDPOINT: z
    .url()
    .optional()
    .describe("S3_ENDPOINT as callers reach it, for signed links; absent: the same"),
  KILN_PUBLIC_BASE_URL: z
    .url()
    .optional()
    .describe("A CDN before the bucket: its plain URLs instead of signed ones"),
}

type StorageEnv = z.infer<z.ZodObject<typeof storageEnv>> & { KILN_DATA_DIR: string }

/** Where objects are: what KILN_STORAGE says, else a folder of the data folder. Throws when it says nonsense. */
export const storageLocation = (env: Pick<StorageEnv, "KILN_STORAGE" | "KILN_DATA_DIR">): StorageLocation =>
  env.KILN_STORAGE === undefined
    ? { kind: "disk", folder: resolve(env.KILN_DATA_DIR, "objects") }
    : parseStorageUrl(env.KILN_STORAGE)

/** Opens the storage; a process that hands out no links to files gives no `links`. */
export function openStorage(env: StorageEnv, links?: { baseUrl: string; secret: FileSecret }): Storage {
  const s3 = s3Settings(env)
  const location = storageLocation(env)
  if (location.kind === "disk") {
    return createDiskStorage({
      folder: location.folder,
      baseUrl: links?.baseUrl ?? "",
      secret: links?.secret ?? randomBytes(32),
    })
  }
  return createS3Storage({
    ...s3,
    bucket: location.bucket,
    prefix: location.prefix,
    publicBaseUrl: env.KILN_PUBLIC_BASE_URL,
    publicEndpoint: env.S3_PUBLIC_ENDPOINT,
  })
}

/** Opens the bucket of images that callers name by `key`; undefined where none is configured. */
export function openInputBucket(env: StorageEnv): InputBucket | undefined {
  if (env.KILN_INPUT_STORAGE === undefined) return undefined
  const location = parseStorageUrl(env.KILN_INPUT_STORAGE, "KILN_INPUT_STORAGE")
  if (location.kind === "disk") return createFolderBucket(location)
  return createS3Bucket({ ...s3Settings(env), ...location })
}

function s3Settings(env: StorageEnv): S3ClientOptions {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw new Error("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together: one of them is missing")
  }
  return {
    endpoint: env.S3_ENDPOINT,
    region: env.S3_REGION,
    forcePathStyle: env.S3_FORCE_PATH_STYLE,
    credentials: accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined,
  }
}
