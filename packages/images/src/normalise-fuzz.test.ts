import assert from "node:assert/strict"
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"

import { JobFailure } from "@kiln/contract"
import sharp from "sharp"

import { normaliseInput } from "./normalise-input.ts"
import { heif } from "./test-heif.ts"

const filesEach = 260

type Random = (below: number) => number

/** The same numbers in every run (mulberry32), so that a file that breaks something can be made again. */
function seeded(seed: number): Random {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const mutations: readonly ((bytes: Buffer, random: Random) => Buffer)[] = [
  flipBits,
  (bytes, random) => flipBits(bytes.subarray(), (below) => random(Math.min(below, 64))),
  (bytes, random) => bytes.subarray(0, random(bytes.length)),
  (bytes, random) => {
    const [a, b, length] = [random(bytes.length), random(bytes.length), random(64)]
    const first = Buffer.from(bytes.subarray(a, a + length))
    bytes.copy(bytes, a, b, b + length)
    first.copy(bytes, b)
    return bytes
  },
  (bytes, random) => bytes.fill([0, 0xff, 0x7f][random(3)] ?? 0, random(bytes.length), random(bytes.length)),
  (bytes, random) => {
    const at = random(bytes.length)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(random(bytes.length))])
  },
]

function flipBits(bytes: Buffer, random: Random): Buffer {
  for (let left = 1 + random(8); left > 0; left -= 1) {
    const at = random(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8))
  }
  return bytes
}

const image = sharp({
  create: { width: 24, height: 18, channels: 4, background: { r: 9, g: 99, b: 199, alpha: 0.5 } },
}).withMetadata({ orientation: 6 })
const samples = {
  png: () => image.clone().png().toBuffer(),
  "interlaced png": () => image.clone().png({ progressive: true, palette: true }).toBuffer(),
  jpeg: () => image.clone().jpeg().toBuffer(),
  "progressive jpeg": () => image.clone().jpeg({ progressive: true }).toBuffer(),
  webp: () => image.clone().webp().toBuffer(),
  gif: () => image.clone().gif().toBuffer(),
  tiff: () => image.clone().tiff({ compression: "lzw", tile: true }).toBuffer(),
  avif: () => image.clone().avif({ effort: 0 }).toBuffer(),
  heic: async () => heif(),
}

for (const [index, [name, sample]] of Object.entries(samples).entries()) {
  test(`whatever happens to a ${name}, it ends in an image or in a refusal`, async () => {
    const random = seeded(index + 1)
    const whole = await sample()
    const folder = await mkdtemp(join(tmpdir(), "kiln-fuzz-"))
    const [source, target] = [join(folder, "sent"), join(folder, "input")]
    const ends = { image: 0, refusal: 0 }
    for (let file = 0; file < filesEach; file += 1) {
      const mutate = mutations[file % mutations.length] ?? flipBits
      await writeFile(source, mutate(Buffer.from(whole), random))
      try {
        const { width, height, bytes } = await normaliseInput({ source, target, longestEdge: 12 })
        assert.ok(width > 0 && height > 0 && bytes > 0)
        ends.image += 1
      } catch (error) {
        assert.ok(
          error instanceof JobFailure && error.code === "input_unreadable",
          `file ${file}: ${String(error)}`,
        )
        assert.deepEqual(await readdir(folder), ["sent"], `file ${file}`)
        ends.refusal += 1
      }
    }
    await rm(folder, { recursive: true })
    assert.ok(ends.refusal > filesEach / 10 && ends.image > 0, JSON.stringify(ends))
  })
}
