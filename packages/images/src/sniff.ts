export type ImageType =
  | "image/png"
  | "image/jpeg"
  | "image/webp"
  | "image/gif"
  | "image/avif"
  | "image/tiff"
  | "image/heic"
  | "image/heif"

/** How many bytes of a file `sniff` looks at. */
export const sniffBytes = 32

const signatures: readonly (readonly [ImageType, RegExp])[] = [
  ["image/png", /^\x89PNG\r\n\cZ\n/],
  ["image/jpeg", /^\xff\xd8\xff/],
  ["image/webp", /^RIFF[^]{4}WEBPVP8[ LX]/],
  ["image/gif", /^GIF8[79]a/],
  ["image/tiff", /^(?:II[*+]\0|MM\0[*+])/],
  // ISO base media: the brands say what is inside; of the general mif1 and msf1 the compatible ones decide.
  ["image/avif", /^[^]{4}ftyp(?:avi[fs]|m(?:if|sf)1[^]{4}(?:[^]{4})*avi[fs])/],
  ["image/heic", /^[^]{4}ftyp(?:he[iv][cmxs]|m(?:if|sf)1[^]{4}(?:[^]{4})*he[iv][cmxs])/],
  ["image/heif", /^[^]{4}ftyp(?:m(?:if|sf)1|heif)/],
]

/** The true type by the first bytes, whatever name or header came with them. */
export function sniff(head: Uint8Array): ImageType | undefined {
  const text = Buffer.from(head.subarray(0, sniffBytes)).toString("latin1")
  return signatures.find(([, signature]) => signature.test(text))?.[0]
}
