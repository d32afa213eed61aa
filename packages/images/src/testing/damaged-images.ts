import sharp from "sharp"

import { heif } from "../test-heif.ts"

export type Random = (below: number) => number

/** The same numbers in every run (mulberry32), so that a file that breaks something can be made again. */
export function seeded(seed: number): Random {
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

const picture = sharp({
  create: { width: 24, height: 18, channels: 4, background: { r: 9, g: 99, b: 199, alpha: 0.5 } },
}).withMetadata({ orientation: 6 })
/** Small images of each type that is taken, by a name for each. */
export const sampleImages: Readonly<Record<string, () => Promise<Buffer>>> = {
  png: () => picture.clone().png().toBuffer(),
  "interlaced png": () => picture.clone().png({ progressive: true, palette: true }).toBuffer(),
  jpeg: () => picture.clone().jpeg().toBuffer(),
  "progressive jpeg": () => picture.clone().jpeg({ progressive: true }).toBuffer(),
  webp: () => picture.clone().webp().toBuffer(),
  gif: () => picture.clone().gif().toBuffer(),
  tiff: () => picture.clone().tiff({ compression: "lzw", tile: true }).toBuffer(),
  avif: () => picture.clone().avif({ effort: 0 }).toBuffer(),
  heic: async () => heif(),
}

/** The same file with something wrong in it; `turn` chooses what. */
export function damaged(whole: Buffer, turn: number, random: Random): Buffer {
  const mutate = mutations[turn % mutations.length] ?? flipBits
  return mutate(Buffer.from(whole), random)
}
