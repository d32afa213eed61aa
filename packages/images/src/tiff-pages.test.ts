import assert from "node:assert/strict"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"

import sharp from "sharp"

import { normaliseInput } from "./normalise-input.ts"
import { tiffPages } from "./tiff-pages.ts"

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-tiff-"))
})
after(() => rm(folder, { recursive: true }))

async function written(bytes: Uint8Array): Promise<string> {
  const path = join(folder, "sent")
  await writeFile(path, bytes)
  return path
}

const tiff = (options: object = {}): Promise<Buffer> =>
  sharp({ create: { width: 10, height: 10, channels: 3, background: "red" } })
    .tiff({ compression: "none", ...options })
    .toBuffer()

/** The page of a TIFF over and over, each pointing to the next. */
function chained(whole: Buffer, pages: number): Buffer {
  const at = whole.readUInt32LE(4)
  const bytes = 2 + whole.readUInt16LE(at) * 12 + 4
  const page = whole.subarray(at, at + bytes)
  const copies = Array.from({ length: pages }, (_, index) => {
    const copy = Buffer.from(page)
    copy.writeUInt32LE(index === pages - 1 ? 0 : whole.length + (index + 1) * bytes, bytes - 4)
    return copy
  })
  const head = Buffer.from(whole)
  head.writeUInt32LE(whole.length, 4)
  return Buffer.concat([head, ...copies])
}

test("pages are counted, in both kinds of TIFF, and no farther than asked", async () => {
  assert.equal(await tiffPages(await written(await tiff()), 9), 1)
  assert.equal(await tiffPages(await written(await tiff({ bigtiff: true })), 9), 1)
  const seven = await written(chained(await tiff(), 7))
  assert.deepEqual([await tiffPages(seven, 9), await tiffPages(seven, 3)], [7, 3])
})

test("a page that points to itself, or out of the file, ends the count", async () => {
  const loop = await tiff()
  const at = loop.readUInt32LE(4)
  loop.writeUInt32LE(at, at + 2 + loop.readUInt16LE(at) * 12)
  assert.equal(await tiffPages(await written(loop), 5), 5)
  const outside = await tiff()
  outside.writeUInt32LE(0xffff_ffff, 4)
  assert.equal(await tiffPages(await written(outside), 5), 0)
  assert.equal(await tiffPages(await written(Buffer.from("II*\0")), 5), 0)
})

test("a TIFF of a thousand pages is read, and one of more is refused before it is opened", async () => {
  const target = join(folder, "input")
  const some = await normaliseInput({ source: await written(chained(await tiff(), 1_000)), target })
  assert.deepEqual([some.contentType, some.width, some.height], ["image/png", 10, 10])
  await assert.rejects(normaliseInput({ source: await written(chained(await tiff(), 100_000)), target }), {
    code: "input_unreadable",
    message: "The input image has more than 1000 pages",
  })
})
