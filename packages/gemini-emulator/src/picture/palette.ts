import { createHash } from "node:crypto"

/** Colours and shapes that follow from a text: the same text always looks the same. */
export type Palette = { sky: string; ground: string; glow: string; ink: string; numbers: readonly number[] }

/** Derives a palette; `variation` shifts it a little, so that two paintings of one prompt differ. */
export function paletteOf(text: string, variation: number): Palette {
  const hash = createHash("sha256").update(text).digest()
  const hue = (hash.readUInt16BE(0) + variation * 23) % 360
  const shapes = createHash("sha256").update(`${text}/${variation}`).digest()
  return {
    sky: hsl(hue, 58, 62),
    ground: hsl(hue + 48, 52, 38),
    glow: hsl(hue - 40, 78, 76),
    ink: hsl(hue + 30, 45, 14),
    numbers: Array.from(shapes, (byte) => byte / 255),
  }
}

function hsl(hue: number, saturation: number, lightness: number): string {
  return `hsl(${(hue + 360) % 360},${saturation}%,${lightness}%)`
}
