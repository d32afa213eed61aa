import assert from "node:assert/strict"
import { test } from "node:test"

import sharp from "sharp"

import { contentTypeOf, extensionOf } from "./output-format.ts"
import { sniff } from "./sniff.ts"

const bytes = (text: string) => Buffer.from(text, "latin1")

test("images are known by their first 32 bytes", async () => {
  const image = sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
  for (const format of ["png", "jpeg", "webp", "gif", "avif", "tiff"] as const) {
    const file = await image.clone().toFormat(format).toBuffer()
    assert.equal(sniff(file.subarray(0, 32)), `image/${format}`)
  }
})

test("the brands tell HEIC, AVIF and HEIF apart", () => {
  assert.equal(sniff(bytes("\0\0\0\x18ftypheic\0\0\0\0mif1heic")), "image/heic")
  assert.equal(sniff(bytes("\0\0\0\x18ftypmif1\0\0\0\0mif1heic")), "image/heic")
  assert.equal(sniff(bytes("\0\0\0\x18ftypmif1\0\0\0\0mif1avif")), "image/avif")
  assert.equal(sniff(bytes("\0\0\0\x18ftypavis\0\0\0\0")), "image/avif")
  assert.equal(sniff(bytes("\0\0\0\x18ftypmif1\0\0\0\0mif1miaf")), "image/heif")
})

test("what is no image is nothing", () => {
  const others = [
    "",
    "\x89PNG",
    "PNG",
    "<svg xmlns=",
    "RIFF\0\0\0\0WAVEfmt ",
    "\0\0\0\x18ftypisom\0\0\0\0",
    "BM",
    "%PDF-1.7",
    "{}",
  ]
  for (const other of others) assert.equal(sniff(bytes(other)), undefined, other)
})

test("a format has its type and its extension", () => {
  assert.deepEqual(
    (["png", "jpeg", "webp"] as const).map((format) => [contentTypeOf(format), extensionOf(format)]),
    [
      ["image/png", "png"],
      ["image/jpeg", "jpg"],
      ["image/webp", "webp"],
    ],
  )
})
