import assert from "node:assert/strict"
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { test } from "node:test"

import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { startFauxqs } from "fauxqs"

import type { InputBucket } from "./input-bucket.ts"
import { openInputBucket } from "./open-storage.ts"

const elsewhere = { KILN_DATA_DIR: "nowhere", S3_REGION: "us-east-1" }

/** A folder with a file of acme, one of beta, one of nobody, and links that lead out of acme's folder. */
async function startFolder() {
  const folder = await mkdtemp(join(tmpdir(), "kiln-bucket-"))
  await mkdir(join(folder, "acme/Spring 2026"), { recursive: true })
  await mkdir(join(folder, "beta"))
  await writeFile(join(folder, "acme/Spring 2026/müg.jpg"), "mug")
  await writeFile(join(folder, "beta/secret.jpg"), "secret")
  await writeFile(join(folder, "nobody.jpg"), "nobody")
  await symlink(join(folder, "beta/secret.jpg"), join(folder, "acme/link.jpg"))
  await symlink(join(folder, "beta"), join(folder, "acme/folder"))
  return {
    bucket: openInputBucket({ ...elsewhere, KILN_INPUT_STORAGE: `file:${folder}` }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

async function startBucket() {
  const server = await startFauxqs({ port: 0, logger: false, host: "127.0.0.1" })
  const credentials = { accessKeyId: "test", secretAccessKey: "test" }
  const endpoint = `http://127.0.0.1:${server.port}`
  const s3 = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials })
  await s3.send(new CreateBucketCommand({ Bucket: "photos" }))
  for (const [Key, Body] of [
    ["in/acme/Spring 2026/müg.jpg", "mug"],
    ["in/beta/secret.jpg", "secret"],
    ["in/nobody.jpg", "nobody"],
  ] as const) {
    await s3.send(new PutObjectCommand({ Bucket: "photos", Key, Body }))
  }
  const bucket = openInputBucket({
    ...elsewhere,
    KILN_INPUT_STORAGE: "s3://photos/in",
    S3_ENDPOINT: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  })
  assert.ok(bucket)
  return {
    bucket,
    async [Symbol.asyncDispose]() {
      await bucket[Symbol.asyncDispose]()
      s3.destroy()
      await server.stop()
    },
  }
}

async function givesOnlyItsOwn(bucket: InputBucket | undefined): Promise<void> {
  assert.ok(bucket)
  const name = "Spring 2026/müg.jpg"
  assert.equal(await bucket.sizeOf("acme", name), 3)
  const found = await bucket.open("acme", name)
  assert.ok(found)
  assert.deepEqual([found.bytes, await text(found.stream)], [3, "mug"])
  for (const absent of ["müg.jpg", "Spring 2026", "secret.jpg", "nobody.jpg", "Spring 2026/müg.jpg/x"]) {
    assert.equal(await bucket.sizeOf("acme", absent), undefined, absent)
    assert.equal(await bucket.open("acme", absent), undefined, absent)
  }
  assert.equal(await bucket.sizeOf("gamma", name), undefined)
  for (const escape of ["../nobody.jpg", "../beta/secret.jpg", "a/../../beta/secret.jpg", "/etc/passwd"]) {
    await assert.rejects(bucket.open("acme", escape), { code: "storage_error" })
  }
  for (const tenant of ["", "..", "acme/.."]) {
    await assert.rejects(bucket.sizeOf(tenant, "nobody.jpg"), { code: "storage_error" })
  }
  const gone = AbortSignal.abort(new Error("gone"))
  await assert.rejects(bucket.open("acme", name, gone), { message: "gone" })
}

test("a folder gives a tenant its own files, and no others", async () => {
  await using folder = await startFolder()
  await givesOnlyItsOwn(folder.bucket)
  for (const link of ["link.jpg", "folder/secret.jpg"]) {
    assert.equal(await folder.bucket?.open("acme", link), undefined, link)
  }
})

test("without a variable there is no bucket, and nonsense in it is named", () => {
  assert.equal(openInputBucket(elsewhere), undefined)
  assert.throws(
    () => openInputBucket({ ...elsewhere, KILN_INPUT_STORAGE: "ftp://x" }),
    /^Error: KILN_INPUT_STORAGE must/,
  )
})

test("a bucket of S3 gives a tenant its own objects, and no others", async () => {
  await using s3 = await startBucket()
  await givesOnlyItsOwn(s3.bucket)
})
