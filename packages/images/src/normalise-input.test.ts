import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { crc32, deflateSync } from "node:zlib"

import { JobFailure } from "@kiln/contract"
import sharp, { type Sharp } from "sharp"

import { normaliseInput, type NormaliseInputOptions } from "./normalise-input.ts"
import { heif, u32 } from "./test-heif.ts"

/** A picture with detail everywhere, so that no cut of its file goes unseen. */
function picture(width = 160, height = 100): Sharp {
  const noise = { type: "gaussian" as const, mean: 128, sigma: 40 }
  return sharp({ create: { width, height, channels: 3, background: "#808080", noise } })
}

/** Red on the left and blue on the right, see-through where `alpha` is 0. */
function halves(width = 160, height = 100, alpha = 1): Sharp {
  const left = { create: { width: width / 2, height, channels: 4 as const, background: "red" } }
  const background = { r: 0, g: 0, b: 255, alpha }
  const canvas = sharp({ create: { width, height, channels: 4, background } })
  return canvas.composite([{ input: left, gravity: "west", blend: "over" }])
}

async function sent(bytes: Uint8Array) {
  const folder = await mkdtemp(join(tmpdir(), "kiln-normalise-"))
  const [source, target] = [join(folder, "sent"), join(folder, "input")]
  await writeFile(source, bytes)
  return {
    source,
    target,
    normalise: (options: Partial<NormaliseInputOptions> = {}) =>
      normaliseInput({ source, target, ...options }),
    files: () => readdir(folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

/** Normalises and compares what is told with what is in the file. */
async function normalised(bytes: Uint8Array, options: Partial<NormaliseInputOptions> = {}) {
  await using input = await sent(bytes)
  const told = await input.normalise(options)
  const written = await readFile(input.target)
  const facts = await sharp(written).metadata()
  assert.equal(told.contentType, `image/${facts.format}`)
  assert.deepEqual([told.width, told.height, told.bytes], [facts.width, facts.height, written.length])
  assert.equal(told.sha256, createHash("sha256").update(written).digest("hex"))
  return { ...told, facts, written }
}

async function pixel(image: Uint8Array, left: number, top: number): Promise<number[]> {
  return [...(await sharp(image).extract({ left, top, width: 1, height: 1 }).removeAlpha().raw().toBuffer())]
}

function pngChunk(type: string, body: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type), body])
  return Buffer.concat([Buffer.from(u32(body.length)), named, Buffer.from(u32(crc32(named)))])
}

for (const format of ["png", "jpeg", "webp"] as const) {
  test(`a ${format} within the limits is kept byte for byte, as the same file`, async () => {
    const bytes = await picture().toFormat(format).toBuffer()
    await using input = await sent(bytes)
    const { converted, contentType } = await input.normalise({ longestEdge: 160 })
    assert.deepEqual([converted, contentType], [false, `image/${format}`])
    assert.equal((await stat(input.target)).ino, (await stat(input.source)).ino)
  })

  test(`a ${format} with a longer edge is scaled down and stays one`, async () => {
    const wide = await normalised(await picture().toFormat(format).toBuffer(), { longestEdge: 80 })
    assert.deepEqual([wide.contentType, wide.width, wide.height], [`image/${format}`, 80, 50])
    assert.equal(wide.converted, true)
    const tall = await normalised(await picture(100, 160).toFormat(format).toBuffer(), { longestEdge: 80 })
    assert.deepEqual([tall.width, tall.height], [50, 80])
  })
}

test("grey images and palettes are kept", async () => {
  for (const bytes of [
    await picture().greyscale().png().toBuffer(),
    await picture().greyscale().jpeg().toBuffer(),
    await picture().png({ palette: true }).toBuffer(),
  ]) {
    assert.equal((await normalised(bytes)).converted, false)
  }
})

test("AVIF becomes JPEG, with transparency PNG; TIFF and GIF become PNG", async () => {
  const avif = await normalised(await picture().avif({ effort: 0 }).toBuffer())
  assert.deepEqual([avif.contentType, avif.width, avif.height], ["image/jpeg", 160, 100])
  const clear = await normalised(await halves(160, 100, 0).avif({ effort: 0 }).toBuffer())
  assert.deepEqual([clear.contentType, clear.facts.hasAlpha], ["image/png", true])
  for (const format of ["tiff", "gif"] as const) {
    const plain = await normalised(await halves().toFormat(format).toBuffer())
    assert.deepEqual([plain.contentType, plain.converted], ["image/png", true])
    const [left = 0, , right = 0] = await pixel(plain.written, 2, 50)
    const [left2 = 0, , right2 = 0] = await pixel(plain.written, 157, 50)
    assert.ok(left > 250 && right < 5 && left2 < 5 && right2 > 250)
  }
})

test("of an animation the first frame is taken", async () => {
  const frames = await Promise.all(
    ["red", "lime", "blue"].map((background) =>
      sharp({ create: { width: 40, height: 30, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  )
  for (const format of ["gif", "webp"] as const) {
    const bytes = await sharp(frames, { join: { animated: true } })
      .toFormat(format, { delay: 100 })
      .toBuffer()
    assert.equal((await sharp(bytes).metadata()).pages, 3)
    const first = await normalised(bytes)
    assert.deepEqual([first.width, first.height, first.facts.pages ?? 1, first.converted], [40, 30, 1, true])
    const [red = 0, green = 0, blue = 0] = await pixel(first.written, 20, 15)
    assert.ok(red > 240 && green < 15 && blue < 15)
  }
})

test("sixteen bits become eight and CMYK becomes sRGB", async () => {
  const deep = await halves().toColourspace("rgb16").png().toBuffer()
  assert.equal((await sharp(deep).metadata()).depth, "ushort")
  const grey = await picture().greyscale().toColourspace("grey16").png().toBuffer()
  const cmyk = await halves().flatten().toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer()
  assert.equal((await sharp(cmyk).metadata()).space, "cmyk")
  for (const [bytes, type] of [
    [deep, "image/png"],
    [grey, "image/png"],
    [cmyk, "image/jpeg"],
  ] as const) {
    const { contentType, facts, converted } = await normalised(bytes)
    assert.deepEqual([contentType, facts.depth, converted], [type, "uchar", true])
    assert.ok(facts.space === "srgb" || facts.space === "b-w")
  }
  const [red = 0, green = 255] = await pixel((await normalised(cmyk)).written, 20, 50)
  assert.ok(red > 200 && green < 90, `red became ${red}, ${green}`)
})

test("every orientation of a photo ends upright, and its metadata are gone", async () => {
  const upright = await halves().flatten().jpeg({ quality: 100 }).toBuffer()
  assert.equal((await normalised(upright)).converted, false)
  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    for (const format of ["jpeg", "png", "webp"] as const) {
      const turned = await sharp(upright).withMetadata({ orientation }).toFormat(format).toBuffer()
      const { converted, width, height, written, facts } = await normalised(turned)
      assert.equal(converted, orientation > 1)
      if (!converted) continue
      assert.deepEqual([width, height], orientation < 5 ? [160, 100] : [100, 160])
      assert.equal(facts.exif, undefined)
      const expected = await sharp(turned).autoOrient().png().toBuffer()
      const corner = await pixel(expected, 3, 3)
      for (const [channel, value] of (await pixel(written, 3, 3)).entries()) {
        assert.ok(Math.abs(value - (corner[channel] ?? 0)) < 60, `${orientation} ${format}`)
      }
    }
  }
})

test("HEIC and HEIF are passed on with the size of their container", async () => {
  for (const [brand, contentType] of [
    ["heic", "image/heic"],
    ["mif1", "image/heif"],
  ] as const) {
    const bytes = heif({ brand, quarters: 1 })
    await using input = await sent(bytes)
    assert.deepEqual(await input.normalise(), {
      contentType,
      width: 3024,
      height: 4032,
      converted: false,
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    })
    assert.ok(bytes.equals(await readFile(input.target)))
  }
  await using large = await sent(heif({ width: 50_000, height: 50_000 }))
  await assert.rejects(large.normalise(), { code: "input_unreadable", message: /50000 × 50000 pixels/ })
})

test("a bomb of 50 000 × 50 000 pixels is refused by its header", async () => {
  const bomb = Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    pngChunk("IHDR", Buffer.from([...u32(50_000, 50_000), 8, 6, 0, 0, 0])),
    pngChunk("IDAT", deflateSync(Buffer.alloc(200_000))),
    pngChunk("IEND", Buffer.alloc(0)),
  ])
  assert.ok(bomb.length < 1000)
  const jpeg = await picture(8, 8).jpeg().toBuffer()
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0, 0, 17, 8]))
  jpeg.writeUInt16BE(50_000, frame + 5)
  jpeg.writeUInt16BE(50_000, frame + 7)
  for (const bytes of [bomb, jpeg]) {
    await using input = await sent(bytes)
    await assert.rejects(input.normalise(), {
      code: "input_unreadable",
      message: "The input image has 50000 × 50000 pixels; up to 100 million are accepted",
    })
    assert.deepEqual(await input.files(), ["sent"])
  }
})

test("the limits are inclusive", async () => {
  const bytes = await picture(100, 100).png().toBuffer()
  assert.equal((await normalised(bytes, { pixelLimit: 10_000, byteLimit: bytes.length })).width, 100)
  await using input = await sent(bytes)
  await assert.rejects(input.normalise({ pixelLimit: 9999 }), { code: "input_unreadable" })
  await assert.rejects(input.normalise({ byteLimit: bytes.length - 1 }), { code: "input_unreadable" })
})

test("what is no image is refused by its name", async () => {
  const refused = [
    ["", "empty"],
    ["<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "an SVG drawing"],
    ["%PDF-1.7 ", "a PDF"],
    ["<!doctype html><title>404</title>", "an HTML page"],
    ["PK\x03\x04", "a ZIP archive"],
    ["\0\0\0\x18ftypisom\0\0\0\0", "an MP4 video"],
    ["ID3\x04\0", "an MP3 audio file"],
    ["P6\n1 1\n255\n\0\0\0", "a file of an unknown type"],
  ] as const
  for (const [text, name] of refused) {
    await using input = await sent(Buffer.from(text, "latin1"))
    await assert.rejects(input.normalise(), {
      code: "input_unreadable",
      message: `The input image is ${name}; PNG, JPEG, WebP, HEIC, AVIF, TIFF and GIF are accepted`,
    })
  }
})

test("a file that begins as one type is never decoded as another", async () => {
  const svg =
    "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9'/></svg>"
  const heads = [
    "RIFF    WEBPVP8 ",
    "GIF89a",
    "II*\0",
    "\x89PNG\r\n\x1a\n",
    "\xff\xd8\xff",
    "\0\0\0\x18ftypavif",
  ]
  for (const head of heads) {
    for (const tail of [svg, "%PDF-1.7", "\0\0\0\x0cJXL "]) {
      await using input = await sent(Buffer.from(head + tail.padEnd(400), "latin1"))
      await assert.rejects(input.normalise(), { code: "input_unreadable" }, head)
    }
  }
  // An archive or a page behind a whole image is not seen by who decodes it.
  for (const format of ["png", "jpeg", "webp"] as const) {
    const both = Buffer.concat([await picture().toFormat(format).toBuffer(), Buffer.from(`PK\x03\x04${svg}`)])
    const { contentType, written, width } = await normalised(both)
    assert.deepEqual([contentType, written.includes("<svg"), width], [`image/${format}`, false, 160])
  }
})

test("what is beside the pixels is dropped when it outweighs them by far", async () => {
  const comment = Buffer.concat([Buffer.from("\xff\xfe\xff\xff", "latin1"), Buffer.alloc(65_533, 7)])
  const jpeg = await picture().jpeg().toBuffer()
  const jpegWith = (count: number) =>
    Buffer.concat([jpeg.subarray(0, 2), ...Array.from({ length: count }, () => comment), jpeg.subarray(2)])
  assert.equal((await normalised(jpegWith(20))).converted, false)
  const { converted, bytes } = await normalised(jpegWith(40))
  assert.ok(converted && bytes < 20_000, `${bytes}`)
  const png = await picture().png().toBuffer()
  const exif = pngChunk(
    "eXIf",
    Buffer.concat([Buffer.from("II*\0\x08\0\0\0", "latin1"), Buffer.alloc(3_000_000)]),
  )
  const heavy = await normalised(Buffer.concat([png.subarray(0, 33), exif, png.subarray(33)]))
  assert.ok(heavy.converted && heavy.bytes < 100_000, `${heavy.bytes}`)
})

test("our decoders read no SVG file, whatever asks them", async () => {
  await using input = await sent(
    Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"),
  )
  await assert.rejects(sharp(input.source).metadata(), /unsupported image format/)
})

for (const format of ["png", "jpeg", "webp", "avif", "tiff", "gif"] as const) {
  test(`a cut ${format} is refused and leaves no file`, async () => {
    const bytes = await picture().toFormat(format).toBuffer()
    for (const part of [0.3, 0.7, 0.95]) {
      for (const longestEdge of [80, 3072]) {
        await using input = await sent(bytes)
        await truncate(input.source, Math.floor(bytes.length * part))
        await assert.rejects(input.normalise({ longestEdge }), { code: "input_unreadable" }, `${part}`)
        assert.deepEqual(await input.files(), ["sent"])
      }
    }
  })
}

test("a disk that cannot be written is not the caller's fault", async () => {
  for (const format of ["png", "gif"] as const) {
    await using input = await sent(await picture().toFormat(format).toBuffer())
    const target = join(input.target, "absent", "input")
    await assert.rejects(input.normalise({ target }), { code: "internal" })
    await assert.rejects(input.normalise({ source: target }), { code: "internal" })
  }
})

test("an aborted signal stops with its own reason", async () => {
  await using input = await sent(await picture().gif().toBuffer())
  const reason = new Error("enough")
  const stopped = input.normalise({ signal: AbortSignal.abort(reason) })
  await assert.rejects(stopped, (error) => error === reason && !(error instanceof JobFailure))
  assert.deepEqual(await input.files(), ["sent"])
})
