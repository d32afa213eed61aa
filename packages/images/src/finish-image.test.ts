import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"

import sharp, { type Sharp } from "sharp"

import { finishImage, type FinishImageOptions } from "./finish-image.ts"
import { contentTypeOf } from "./output-format.ts"

const formats = ["png", "jpeg", "webp"] as const
const fastest: Record<string, object> = { avif: { effort: 0 }, gif: { effort: 1, colours: 16 } }

/** A picture with detail everywhere, so that no cut of its file goes unseen. */
function picture(width = 320, height = 200): Sharp {
  const noise = { type: "gaussian" as const, mean: 128, sigma: 40 }
  return sharp({ create: { width, height, channels: 3, background: "#808080", noise } })
}

/** A folder with the upstream's bytes in `source`. */
async function received(bytes: Uint8Array) {
  const folder = await mkdtemp(join(tmpdir(), "kiln-images-"))
  const [source, target] = [join(folder, "0.png"), join(folder, "finished")]
  await writeFile(source, bytes)
  return {
    folder,
    source,
    target,
    finish: (options: Partial<FinishImageOptions> = {}) =>
      finishImage({ source, target, format: "png", ...options }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

for (const from of [...formats, "gif", "avif", "tiff"] as const) {
  for (const format of formats) {
    test(`${from} bytes named png become a true ${format}`, async () => {
      const bytes = await picture()
        .toFormat(from, fastest[from] ?? {})
        .toBuffer()
      await using files = await received(bytes)
      const finished = await files.finish({ format })
      const written = await readFile(files.target)
      const decoded = await sharp(written).metadata()
      assert.deepEqual([decoded.format, decoded.width, decoded.height], [format, 320, 200])
      assert.deepEqual(finished, {
        contentType: contentTypeOf(format),
        width: 320,
        height: 200,
        bytes: written.length,
        sha256: createHash("sha256").update(written).digest("hex"),
        upstreamContentType: `image/${from}`,
        converted: from !== format,
      })
      if (from === format) assert.ok(written.equals(bytes))
      else assert.equal(decoded.space, "srgb")
    })
  }
}

test("a kept image is the same file, not a copy", async () => {
  await using files = await received(await picture().png().toBuffer())
  await writeFile(files.target, "left from an earlier attempt")
  assert.equal((await files.finish()).converted, false)
  assert.equal((await stat(files.target)).ino, (await stat(files.source)).ino)
})

test("pixels survive the way from JPEG to PNG", async () => {
  const bytes = await picture().jpeg().toBuffer()
  await using files = await received(bytes)
  await files.finish()
  const [before, after] = await Promise.all(
    [bytes, files.target].map((image) => sharp(image).removeAlpha().raw().toBuffer()),
  )
  assert.ok(before && after)
  const worst = before.reduce(
    (most, value, index) => Math.max(most, Math.abs(value - (after[index] ?? 0))),
    0,
  )
  assert.ok(worst <= 1, `a channel is off by ${worst}`)
})

test("what is see-through becomes white in JPEG and stays so in PNG and WebP", async () => {
  const clear = {
    create: { width: 8, height: 8, channels: 4 as const, background: { r: 0, g: 0, b: 0, alpha: 0 } },
  }
  await using files = await received(await sharp(clear).png().toBuffer())
  await files.finish({ format: "jpeg" })
  assert.deepEqual(
    [...(await sharp(files.target).raw().toBuffer())],
    Array.from({ length: 8 * 8 * 3 }, () => 255),
  )
  for (const format of ["png", "webp"] as const) {
    await files.finish({ format })
    assert.equal((await sharp(files.target).metadata()).hasAlpha, true)
  }
})

test("a turned photo is upright after a conversion, and its size is the one that is seen", async () => {
  const turned = await picture().jpeg().withMetadata({ orientation: 6 }).toBuffer()
  await using files = await received(turned)
  const kept = await files.finish({ format: "jpeg" })
  assert.deepEqual([kept.width, kept.height, kept.converted], [200, 320, false])
  const converted = await files.finish({ format: "png" })
  assert.deepEqual([converted.width, converted.height], [200, 320])
  const { width, height, orientation = 1 } = await sharp(files.target).metadata()
  assert.deepEqual([width, height, orientation], [200, 320, 1])
})

test("quality is heeded", async () => {
  await using files = await received(await picture().png().toBuffer())
  const [low, high] = [
    await files.finish({ format: "jpeg", quality: 10 }),
    await files.finish({ format: "jpeg", quality: 95 }),
  ]
  assert.ok(low.bytes * 2 < high.bytes)
})

for (const [name, encode] of [
  ["PNG", (image: Sharp) => image.png()],
  ["interlaced PNG", (image: Sharp) => image.png({ progressive: true })],
  ["JPEG", (image: Sharp) => image.jpeg()],
  ["progressive JPEG", (image: Sharp) => image.jpeg({ progressive: true })],
  ["WebP", (image: Sharp) => image.webp()],
] as const) {
  test(`a cut ${name} is an error of the upstream and leaves no file`, async () => {
    const whole = await encode(picture()).toBuffer()
    for (const length of [40, whole.length >> 1, Math.floor(whole.length * 0.99), whole.length - 100]) {
      await using files = await received(whole.subarray(0, length))
      for (const format of formats) {
        await assert.rejects(
          files.finish({ format }),
          { code: "upstream_error" },
          `${length} bytes as ${format}`,
        )
      }
      assert.deepEqual(await readdir(files.folder), ["0.png"])
    }
  })
}

test("a PNG that lacks only its end is written anew", async () => {
  const whole = await picture().png().toBuffer()
  await using files = await received(whole.subarray(0, -12))
  assert.equal((await files.finish()).converted, true)
  assert.equal((await readFile(files.target)).subarray(-8, -4).toString(), "IEND")
})

test("zero bytes, text and unknown types are errors of the upstream", async () => {
  const heic = Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic and nothing else")
  const texts = [
    "",
    '{"error": 1}',
    "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "\x89PNG\r\n\x1a\n garbage".repeat(9),
  ]
  for (const bytes of [heic, ...texts.map((text) => Buffer.from(text, "latin1"))]) {
    await using files = await received(bytes)
    await assert.rejects(files.finish(), { code: "upstream_error" })
  }
})

test("an image beyond the pixel limit is refused before it is decoded", async () => {
  await using files = await received(await picture(100, 100).png().toBuffer())
  await assert.rejects(files.finish({ pixelLimit: 9999 }), { code: "upstream_error" })
  assert.equal((await files.finish({ pixelLimit: 10_000 })).width, 100)
})

test("a disk that cannot be written is not the upstream's fault", async () => {
  await using files = await received(await picture().jpeg().toBuffer())
  await mkdir(join(files.folder, "absent"))
  await rm(join(files.folder, "absent"), { recursive: true })
  for (const format of ["png", "jpeg"] as const) {
    await assert.rejects(files.finish({ format, target: join(files.folder, "absent", "0") }), {
      code: "internal",
    })
  }
})

test("an aborted signal stops with its own reason", async () => {
  await using files = await received(await picture().jpeg().toBuffer())
  const reason = new Error("enough")
  await assert.rejects(files.finish({ signal: AbortSignal.abort(reason) }), (error) => error === reason)
  assert.deepEqual(await readdir(files.folder), ["0.png"])
})
