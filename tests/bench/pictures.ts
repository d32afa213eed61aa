import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

import sharp from "sharp"

type Pictures = AsyncDisposable & {
  folder: string
  /** 1024×1024, about 1.8 MB, as the oldest model answers. */
  png: string
  /** 1024×1024, about 0.6 MB, as the newer models answer. */
  jpeg: string
}

/** Files as large as real pictures: noise, because anything smoother would shrink. */
export async function drawPictures(): Promise<Pictures> {
  const folder = await mkdtemp(join(tmpdir(), "kiln-bench-"))
  const [png, jpeg] = [join(folder, "1k.png"), join(folder, "1k.jpeg")]
  await sharp(await noise(1_024))
    .blur(2)
    .toFile(png)
  await sharp(await noise(1_024))
    .jpeg({ quality: 90 })
    .toFile(jpeg)
  return { folder, png, jpeg, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

/** A JPEG of 4096×4096 and about 20 MB. */
export async function drawLargeJpeg(folder: string): Promise<string> {
  const path = join(folder, "4k.jpeg")
  await sharp(await noise(4_096))
    .jpeg({ quality: 100 })
    .toFile(path)
  return path
}

const noise = (size: number): Promise<Buffer> =>
  sharp({
    create: {
      width: size,
      height: size,
      channels: 3,
      background: "#000",
      noise: { type: "gaussian", mean: 128, sigma: 32 },
    },
  })
    .png({ compressionLevel: 1 })
    .toBuffer()
