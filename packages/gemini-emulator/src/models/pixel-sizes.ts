export type Pixels = { width: number; height: number }

/** The Gemini 3 image models at 1K; 2K and 4K are exact multiples, 512 is the half. */
const sizesAt1k: Readonly<Record<string, readonly [number, number]>> = {
  "1:1": [1024, 1024],
  "1:4": [512, 2048],
  "1:8": [384, 3072],
  "2:3": [848, 1264],
  "3:2": [1264, 848],
  "3:4": [896, 1200],
  "4:1": [2048, 512],
  "4:3": [1200, 896],
  "4:5": [928, 1152],
  "5:4": [1152, 928],
  "8:1": [3072, 384],
  "9:16": [768, 1376],
  "16:9": [1376, 768],
  "21:9": [1584, 672],
}

const factors: Readonly<Record<string, number>> = { "512": 0.5, "1K": 1, "2K": 2, "4K": 4 }

/** gemini-2.5-flash-image has one size a ratio. */
const fixedSizes: Readonly<Record<string, readonly [number, number]>> = {
  "1:1": [1024, 1024],
  "2:3": [832, 1248],
  "3:2": [1248, 832],
  "3:4": [864, 1184],
  "4:3": [1184, 864],
  "4:5": [896, 1152],
  "5:4": [1152, 896],
  "9:16": [768, 1344],
  "16:9": [1344, 768],
  "21:9": [1536, 672],
}

/** Where gemini-nano-banana-2.1 was seen to leave the documented table. */
const deviations: Readonly<Record<string, readonly [number, number]>> = {
  "8:1@2K": [5856, 704],
  "8:1@4K": [11_712, 1408],
}

/** How a model's pixels follow from ratio and size. */
export type PixelTable = "multiples" | "multiples with deviations" | "fixed"

/** The documented pixels of a ratio at a size; a ratio or size that the table lacks falls back to 1:1 and 1K. */
export function pixelsOf(table: PixelTable, ratio: string, size: string): Pixels {
  if (table === "fixed") return pair(fixedSizes[ratio] ?? [1024, 1024], 1)
  const deviation = table === "multiples with deviations" ? deviations[`${ratio}@${size}`] : undefined
  if (deviation !== undefined) return pair(deviation, 1)
  return pair(sizesAt1k[ratio] ?? [1024, 1024], factors[size] ?? 1)
}

function pair([width, height]: readonly [number, number], factor: number): Pixels {
  return { width: width * factor, height: height * factor }
}
