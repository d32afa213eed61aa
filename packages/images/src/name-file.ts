/** How many bytes of a file `nameFile` looks at. */
export const nameBytes = 1024

const names: readonly (readonly [string, RegExp])[] = [
  ["a PDF", /^%PDF-/],
  ["a ZIP archive", /^PK(?:\cC\cD|\cE\cF)/],
  ["a compressed archive", /^(?:[^]\x8b[\b]|BZh|\xfd7zXZ|7z\xbc\xaf|\x28\xb5\x2f\xfd|Rar!)/],
  ["an audio file", /^(?:ID3|OggS|fLaC|\xff[\xf2-\xfb]|RIFF[^]{4}WAVE|FORM[^]{4}AIF|[^]{4}ftypM4A)/],
  ["a video", /^(?:[^]{4}(?:ftyp(?!crx|jp)|moov|mdat)|\cZE\xdf\xa3|RIFF[^]{4}AVI |FLV\cA)/],
  ["a BMP image", /^BM[^]{4}\0{4}/],
  ["a Windows icon", /^\0\0[\cA\cB]\0/],
  ["a Photoshop document", /^8BPS/],
  ["a JPEG XL image", /^(?:\xff\n|\0\0\0\fJXL )/],
  ["a JPEG 2000 image", /^(?:\xff\x4f\xff\x51|\0\0\0\fjP {2})/],
  ["a JSON document", /^\s*[[{]/],
  ["an XML document", /^\s*<\?xml/],
]

// They see the text without what may stand before the first element.
const markup: readonly (readonly [string, RegExp])[] = [
  ["an SVG drawing", /^\s*<(?:\w{1,9}:)?svg\b/i],
  ["an HTML page", /^\s*<(?:!doctype html|html|head|body)\b/i],
]
const preamble = /<!--[^]*?-->|<\?[^]*?\?>|<!doctype (?:\w{1,9}:)?svg[^>]*>/gi

/** What a file that is no image for us seems to be, by its first bytes, for a sentence to whoever sent it. */
export function nameFile(head: Uint8Array): string {
  const bytes = Buffer.from(head.subarray(0, nameBytes))
  if (bytes.length === 0) return "empty"
  const text = bytes.toString("latin1").replace(/^\xef\xbb\xbf/, "")
  const element = text.replace(preamble, "")
  const found =
    markup.find(([, signature]) => signature.test(element)) ??
    names.find(([, signature]) => signature.test(text))
  return found?.[0] ?? "a file of an unknown type"
}
