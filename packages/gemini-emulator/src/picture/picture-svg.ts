import { type Palette, paletteOf } from "./palette.ts"
import type { PictureLayout } from "./picture-layout.ts"
import { fitText, lineSvg, widthOf } from "./text-outline.ts"

/** What is written on a picture. */
export type PictureWords = { prompt: string; facts: string; mark: string; variation: number }

/** The picture without its input images, as SVG that needs no fonts. */
export function pictureSvg(
  width: number,
  height: number,
  layout: PictureLayout,
  words: PictureWords,
): string {
  const palette = paletteOf(words.prompt, words.variation)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<defs><linearGradient id="sky" x1="0" y1="0" x2="0.35" y2="1"><stop offset="0" stop-color="${palette.glow}"/><stop offset="0.55" stop-color="${palette.sky}"/><stop offset="1" stop-color="${palette.ground}"/></linearGradient></defs>
<rect width="${width}" height="${height}" fill="url(#sky)"/>${scenery(width, height, palette)}
${markSvg(layout, words.mark, palette)}${promptSvg(layout, words.prompt, palette)}${factsSvg(layout, words.facts)}
${tilesSvg(layout)}</svg>`
}

function scenery(width: number, height: number, palette: Palette): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = palette.numbers
  const sun = Math.min(width, height) * (0.12 + 0.08 * a)
  const hill = (level: number, bend: number, opacity: number) => {
    const y = height * level
    const lift = height * 0.16 * (bend - 0.5)
    return `<path d="M0 ${y + lift}C${width * 0.3} ${y - lift * 2},${width * 0.6} ${y + lift * 2},${width} ${y - lift}V${height}H0Z" fill="${palette.ground}" fill-opacity="${opacity}"/>`
  }
  return `<circle cx="${width * (0.62 + 0.28 * b)}" cy="${height * (0.14 + 0.14 * c)}" r="${sun}" fill="#fff" fill-opacity="0.55"/>${hill(0.62, d, 0.35)}${hill(0.74, e, 0.45)}${hill(0.86, a, 0.6)}`
}

function markSvg({ mark, unit }: PictureLayout, text: string, palette: Palette): string {
  const fontSize = Math.min(mark.height * 0.5, (mark.width * 0.8) / widthOf(text, 1))
  const width = widthOf(text, fontSize) + fontSize * 1.6
  return `<rect x="${mark.x}" y="${mark.y}" width="${width}" height="${mark.height}" rx="${unit * 0.035}" fill="${palette.ink}" fill-opacity="0.82"/>
<g fill="#fff">${lineSvg(text, { x: mark.x + fontSize * 0.8, y: mark.y + mark.height / 2 + fontSize * 0.36, fontSize })}</g>`
}

function promptSvg({ text, unit }: PictureLayout, prompt: string, palette: Palette): string {
  const pad = unit * 0.045
  const box = { width: text.width - 2 * pad, height: text.height - 2 * pad }
  const block = fitText(prompt.slice(0, 1200) || "(no text)", {
    ...box,
    largest: unit * 0.1,
    smallest: unit * 0.022,
  })
  const height = block.lines.length * block.lineHeight
  const top = text.y + (text.height - height) / 2
  const lines = block.lines.map((line, index) => {
    const y = top + index * block.lineHeight + block.fontSize * 0.98
    return lineSvg(line, { x: text.x + pad, y, fontSize: block.fontSize })
  })
  return `<rect x="${text.x}" y="${top - pad}" width="${text.width}" height="${height + 2 * pad}" rx="${unit * 0.03}" fill="${palette.ink}" fill-opacity="0.5"/><g fill="#fff">${lines.join("")}</g>`
}

function factsSvg({ footer }: PictureLayout, facts: string): string {
  const fontSize = Math.min(footer.height * 0.44, footer.width / widthOf(facts, 1))
  const y = footer.y + footer.height * 0.8
  return `<g fill="#fff" fill-opacity="0.95">${lineSvg(facts, { x: footer.x, y, fontSize })}</g>`
}

/** White frames with numbers; the input images are laid over them. */
function tilesSvg({ tiles }: PictureLayout): string {
  return tiles
    .map(({ x, y, width, height }) => {
      const rim = Math.max(2, width * 0.03)
      return `<rect x="${x - rim}" y="${y - rim}" width="${width + 2 * rim}" height="${height + 2 * rim}" rx="${rim}" fill="#fff" fill-opacity="0.9"/>`
    })
    .join("")
}

/** The number of an input image, to lie in the corner of its tile. */
export function badgeSvg(side: number, text: string): string {
  const size = Math.max(12, Math.round(side * 0.28))
  const fontSize = (size * 0.62) / Math.max(1, text.length * 0.62)
  const x = (size - widthOf(text, fontSize)) / 2
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}"><rect width="${size}" height="${size}" fill="#111" fill-opacity="0.78"/><g fill="#fff">${lineSvg(text, { x, y: size / 2 + fontSize * 0.36, fontSize })}</g></svg>`
}
