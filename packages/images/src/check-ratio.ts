export type RatioMismatch = {
  expected: number
  actual: number
  /** How far the actual ratio is off, as a part of the expected one. */
  off: number
}

/**
 * Holds an image against the ratio that was asked for. The tolerance covers models whose sizes are multiples of 32
 * pixels, such as 1376x768 for 16:9.
 */
export function checkRatio(
  image: { width: number; height: number; aspectRatio: string },
  tolerance = 0.03,
): RatioMismatch | undefined {
  const [, across, down] = /^(\d+):(\d+)$/.exec(image.aspectRatio) ?? []
  const expected = Number(across) / Number(down)
  if (!Number.isFinite(expected) || expected === 0) {
    throw new RangeError(`${JSON.stringify(image.aspectRatio)} is no aspect ratio`)
  }
  const actual = image.width / image.height
  const off = Math.abs(actual / expected - 1)
  return off <= tolerance ? undefined : { expected, actual, off }
}
