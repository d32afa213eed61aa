import assert from "node:assert/strict"
import { test } from "node:test"

import { nameFile } from "./name-file.ts"

const named = [
  ["", "empty"],
  ["%PDF-1.7\n", "a PDF"],
  ["<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"],
  ["\xef\xbb\xbf <?xml version='1.0'?>\n<!-- a --> <!DOCTYPE svg PUBLIC ''>\n<svg:svg>", "an SVG drawing"],
  ["<!-- page --><!DOCTYPE html><svg>", "an HTML page"],
  ["\r\n<HTML>", "an HTML page"],
  ["<?xml version='1.0'?><feed/>", "an XML document"],
  ['{"error": 404}', "a JSON document"],
  ["PK\x03\x04\x14\0", "a ZIP archive"],
  ["\x1f\x8b\x08\0", "a compressed archive"],
  ["\0\0\0\x20ftypisom\0\0\x02\0", "an MP4 video"],
  ["\0\0\0\x20ftypM4A ", "an M4A audio file"],
  ["\x1a\x45\xdf\xa3", "a Matroska video"],
  ["\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "a WebM video"],
  ["\0\0\0\x14ftypqt  \0\0\x02\0", "a QuickTime video"],
  ["OggS\0\x02", "an Ogg audio file"],
  ["\xff\xf1\x50\x80", "an AAC audio file"],
  ["ID3\x04", "an MP3 audio file"],
  ["\xff\xfb\x90\x64", "an MP3 audio file"],
  ["RIFF\x24\0\0\0WAVEfmt ", "a WAV audio file"],
  ["BM\x36\0\x0c\0\0\0\0\0", "a BMP image"],
  ["\0\0\x01\0\x01\0", "a Windows icon"],
  ["8BPS\0\x01", "a Photoshop document"],
  ["\xff\x0a\xfa", "a JPEG XL image"],
  ["\0\0\0\x0cjP  \r\n", "a JPEG 2000 image"],
  ["PNG", "a file of an unknown type"],
  ["\x89PNG", "a file of an unknown type"],
] as const

test("what is no image has a name in the refusal", () => {
  for (const [text, name] of named) assert.equal(nameFile(Buffer.from(text, "latin1")), name, text)
})

test("text made to keep a search busy is searched once", () => {
  for (const piece of ["<!---->", "<!--", "<?xml?>", "<!doctype svg", " <"]) {
    nameFile(Buffer.from(piece.repeat(1024)))
  }
})
