import { randomFillSync } from "node:crypto"

import sharp, { type OverlayOptions } from "sharp"

import { layOutPicture } from "./picture-layout.ts"
import { badgeSvg, pictureSvg, type PictureWords } from "./picture-svg.ts"

export type Picture = PictureWords & {
  width: number
  height: number
  mimeType: "image/jpeg" | "image/png"
  /** Input images as small pictures; null where one cannot be shown. */
  inputs: readonly (Buffer | null)[]
  /** Fill with noise, so that the file is large. */
  isNoisy: boolean
}

/** Draws a picture of exactly the pixels asked for and returns its file's bytes. */
export async function drawPicture(picture: Picture): Promise<Buffer> {
  const { width, height } = picture
  const layout = layOutPicture(width, height, picture.inputs.length)
  const overlays = await Promise.all(
    layout.tiles.map((tile, index) => overlay(tile, picture.inputs[index] ?? null, index + 1)),
  )
  const svg = Buffer.from(pictureSvg(width, height, layout, picture))
  const canvas = picture.isNoisy
    ? sharp(randomFillSync(new Uint8Array(width * height * 3)), { raw: { width, height, channels: 3 } })
    : sharp(svg, { unlimited: true })
  if (overlays.length > 0) canvas.composite(overlays.flat())
  const opaque = canvas.flatten({ background: "#fff" })
  // PNG is deflated lightly: the file is made on every call and nobody keeps it.
  return picture.mimeType === "image/png"
    ? opaque.png({ compressionLevel: 3 }).toBuffer()
    : opaque.jpeg({ quality: 84 }).toBuffer()
}

async function overlay(
  tile: { x: number; y: number; width: number; height: number },
  image: Buffer | null,
  number: number,
): Promise<OverlayOptions[]> {
  const badge = { input: Buffer.from(badgeSvg(tile.width, String(number))), left: tile.x, top: tile.y }
  if (image === null) return [badge]
  const input = await sharp(image).resize(tile.width, tile.height, { fit: "cover" }).toBuffer()
  return [{ input, left: tile.x, top: tile.y }, badge]
}
