/** How many bytes of a file `nameFile` looks at. */
export const nameBytes = 1024

const recordings: readonly (readonly [string, RegExp])[] = [
  ["a WAV audio file", /^RIFF[^]{4}WAVE/],
  ["an Ogg Theora video", /^OggS[^]{24,60}\x80theora/],
  ["an Ogg audio file", /^OggS/],
  ["a FLAC audio file", /^fLaC/],
  ["an M4A audio file", /^[^]{4}ftypM4[AB]/],
  ["an AIFF audio file", /^FORM[^]{4}AIF/],
  ["an AAC audio file", /^\xff[\xf0\xf1\xf8\xf9]/],
  ["an MP3 audio file", /^(?:ID3|\xff[\xf2-\xf7\xfa\xfb])/],
  ["a WebM video", /^\cZE\xdf\xa3[^]{0,60}webm/],
  ["a Matroska video", /^\cZE\xdf\xa3/],
  ["a QuickTime video", /^[^]{4}(?:ftypqt {2}|moov|mdat|wide)/],
  ["an MP4 video", /^[^]{4}ftyp(?!crx|jp)/],
  ["an AVI video", /^RIFF[^]{4}AVI /],
  ["an FLV video", /^FLV\cA/],
  ["an MPEG video", /^\0\0\cA(?:\xba|\xb3)/],
]

const names: readonly (readonly [string, RegExp])[] = [
  ["a PDF", /^%PDF-/],
  ["a ZIP archive", /^PK(?:\cC\cD|\cE\cF)/],
  ["a compressed archive", /^(?:[^]\x8b[\b]|BZh|\xfd7zXZ|7z\xbc\xaf|\x28\xb5\x2f\xfd|Rar!)/],
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
    [...recordings, ...names].find(([, signature]) => signature.test(text))
  return found?.[0] ?? "a file of an unknown type"
}

/** Whether a file is audio or video by its first bytes, which no model of ours takes. */
export function isRecording(head: Uint8Array): boolean {
  const text = Buffer.from(head.subarray(0, nameBytes)).toString("latin1")
  return recordings.some(([, signature]) => signature.test(text))
}
