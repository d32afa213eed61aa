import assert from "node:assert/strict"
import { resolve } from "node:path"
import { test } from "node:test"

import { parseStorageUrl } from "./parse-storage-url.ts"

test("a file URL is a folder, absolute or relative", () => {
  assert.deepEqual(parseStorageUrl("file:/var/lib/kiln"), { kind: "disk", folder: "/var/lib/kiln" })
  assert.deepEqual(parseStorageUrl("file:///var/lib/a%20b"), { kind: "disk", folder: "/var/lib/a b" })
  assert.deepEqual(parseStorageUrl("file:.kiln/objects"), { kind: "disk", folder: resolve(".kiln/objects") })
})

test("an S3 URL is a bucket with or without a prefix", () => {
  assert.deepEqual(parseStorageUrl("s3://pictures"), { kind: "s3", bucket: "pictures" })
  assert.deepEqual(parseStorageUrl("s3://pictures/"), { kind: "s3", bucket: "pictures" })
  assert.deepEqual(parseStorageUrl("s3://pictures/kiln/test/"), {
    kind: "s3",
    bucket: "pictures",
    prefix: "kiln/test",
  })
})

test("anything else is refused without being repeated", () => {
  const wrong = [
    "",
    "file:",
    "file://host/path",
    "s3://",
    "s3://UPPER",
    "s3:pictures",
    "gs://pictures",
    "/var/lib",
  ]
  const withSecrets = ["s3://key:hidden@pictures", "s3://pictures/a?hidden=1", "s3://pictures/../hidden"]
  for (const url of [...wrong, ...withSecrets]) {
    assert.throws(
      () => parseStorageUrl(url),
      (error: Error) =>
        error.message.startsWith("KILN_STORAGE must be file:/path or s3://") &&
        !error.message.includes("hidden"),
      url,
    )
  }
})
