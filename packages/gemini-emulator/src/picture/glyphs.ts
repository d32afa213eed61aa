import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"

import type { Font } from "opentype.js"

/** A character's outline for a font size of 1000 units, y downwards from the baseline. */
export type Glyph = { advance: number; path: string }

// A CommonJS package whose exports Node cannot name in an import.
const { parse }: typeof import("opentype.js") = createRequire(import.meta.url)("opentype.js")

/** The font's files, in the order in which a character is looked for; read when first needed. */
const subsets = [
  import.meta.resolve("@fontsource/inter/files/inter-latin-600-normal.woff"),
  import.meta.resolve("@fontsource/inter/files/inter-latin-ext-600-normal.woff"),
  import.meta.resolve("@fontsource/inter/files/inter-cyrillic-600-normal.woff"),
  import.meta.resolve("@fontsource/inter/files/inter-greek-600-normal.woff"),
  import.meta.resolve("@fontsource/inter/files/inter-vietnamese-600-normal.woff"),
]
const fonts = new Map<string, Font>()
const glyphs = new Map<string, Glyph>()

/**
 * The outline of one character. Text is drawn as outlines of a bundled font, because librsvg draws no text at all on
 * a machine without fonts. Characters that the font lacks become a box.
 */
export function glyphOf(character: string): Glyph {
  const known = glyphs.get(character)
  if (known !== undefined) return known
  const glyph = loadGlyph(character)
  if (glyphs.size < 2000) glyphs.set(character, glyph)
  return glyph
}

function loadGlyph(character: string): Glyph {
  for (const subset of subsets) {
    const font = fontOf(subset)
    if (font.charToGlyphIndex(character) === 0) continue
    const glyph = font.charToGlyph(character)
    const advance = ((glyph.advanceWidth ?? 0) * 1000) / font.unitsPerEm
    return { advance, path: glyph.getPath(0, 0, 1000).toPathData(0) }
  }
  return missing
}

const missing: Glyph = { advance: 700, path: "M80 0V-700H620V0ZM140-60H560V-640H140Z" }

function fontOf(subset: string): Font {
  const known = fonts.get(subset)
  if (known !== undefined) return known
  const file = readFileSync(fileURLToPath(subset))
  const font = parse(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength))
  fonts.set(subset, font)
  return font
}
