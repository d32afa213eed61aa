import { JobFailure } from "@kiln/contract"
import sharp, { type Metadata, type Sharp } from "sharp"

// Every image is seen once, so a cache of decoded ones would only hold memory.
sharp.cache(false)
// Several images at once use the cores; threads within one image would only add memory and switching.
sharp.concurrency(1)

const longestSeconds = 60

/** A pipeline that reads row by row and stops at the first damage. */
export function openImage(path: string, pixelLimit: number): Sharp {
  return sharp(path, { sequentialRead: true, limitInputPixels: pixelLimit, failOn: "error" }).timeout({
    seconds: longestSeconds,
  })
}

/** The header of an image as it is shown (turned by its orientation). Throws `upstream_error`. */
export async function readHeader(path: string, pixelLimit: number): Promise<Metadata["autoOrient"]> {
  const { autoOrient } = await unlessDamaged(openImage(path, pixelLimit).metadata())
  if (autoOrient.width * autoOrient.height > pixelLimit) {
    throw new JobFailure("upstream_error", `The image has more than ${pixelLimit} pixels`)
  }
  return autoOrient
}

/**
 * Decodes every row and keeps the last one: the cheapest way that finds a file cut anywhere (4096x4096 on one core:
 * PNG 0.2 s, JPEG 0.04 s, WebP 0.23 s; `stats()` takes three times that and misses cut interlaced PNGs).
 */
export async function decodeWhole(path: string, pixelLimit: number): Promise<void> {
  await unlessDamaged(lastRow(path, pixelLimit))
}

async function lastRow(path: string, pixelLimit: number): Promise<void> {
  const { width, height } = await openImage(path, pixelLimit).metadata()
  await openImage(path, pixelLimit)
    .extract({ left: 0, top: height - 1, width, height: 1 })
    .raw()
    .toBuffer()
}

async function unlessDamaged<T>(decoding: Promise<T>): Promise<T> {
  try {
    return await decoding
  } catch (error) {
    throw new JobFailure("upstream_error", "The image that came back is damaged or cut off", { cause: error })
  }
}
