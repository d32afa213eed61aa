import sharp from "sharp"

/** What an input image turned out to be; `preview` is null for formats that cannot be decoded here (HEIC). */
export type InspectedImage = { width: number; height: number; preview: Buffer | null }

const previewSide = 512
const decodable = new Set(["jpeg", "png", "webp"])

/** Decodes an input image to a small preview; `undefined` when the bytes are no image. */
export async function inspectImage(bytes: Buffer): Promise<InspectedImage | undefined> {
  if (isHeic(bytes)) return { width: 1, height: 1, preview: null }
  try {
    const image = sharp(bytes, { autoOrient: true })
    const { autoOrient, format } = await image.metadata()
    if (!decodable.has(format)) return undefined
    const preview = await image
      .resize(previewSide, previewSide, { fit: "inside" })
      .flatten({ background: "#fff" })
      .png({ compressionLevel: 1 })
      .toBuffer()
    return { width: autoOrient.width, height: autoOrient.height, preview }
  } catch {
    return undefined
  }
}

function isHeic(bytes: Buffer): boolean {
  return (
    bytes.toString("latin1", 4, 8) === "ftyp" && /^(hei|hev|mif1|msf1)/.test(bytes.toString("latin1", 8, 12))
  )
}
