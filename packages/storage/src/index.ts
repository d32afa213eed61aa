export { createDiskStorage } from "./disk-storage.ts"
export { verifyFileUrl, type FileSecret, type FileUrlVerdict } from "./file-url.ts"
export {
  assetKey,
  batchKey,
  batchPrefix,
  documentKey,
  jobPrefix,
  outputKey,
  turnKey,
  type JobPlace,
} from "./keys.ts"
export { parseStorageUrl, type StorageLocation } from "./parse-storage-url.ts"
export { createS3Storage, type S3StorageOptions } from "./s3-storage.ts"
export { serveFile } from "./serve-file.ts"
export type { FileBody, PutOptions, Storage, StoredObject } from "./storage.ts"
export { createFolderBucket, type InputBucket } from "./input-bucket.ts"
export { openInputBucket, openStorage, storageEnv, storageLocation } from "./open-storage.ts"
