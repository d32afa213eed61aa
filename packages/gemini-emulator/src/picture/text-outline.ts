import { glyphOf } from "./glyphs.ts"

/** The width of a line in pixels. */
export function widthOf(line: string, fontSize: number): number {
  let units = 0
  for (const character of line) units += glyphOf(character).advance
  return (units * fontSize) / 1000
}

/** A line as SVG paths, its baseline starting at x, y. */
export function lineSvg(line: string, at: { x: number; y: number; fontSize: number }): string {
  const scale = at.fontSize / 1000
  let x = at.x
  let svg = ""
  for (const character of line) {
    const { advance, path } = glyphOf(character)
    if (path !== "")
      svg += `<path transform="translate(${x.toFixed(1)} ${at.y.toFixed(1)}) scale(${scale})" d="${path}"/>`
    x += advance * scale
  }
  return svg
}

export type TextBlock = { lines: string[]; fontSize: number; lineHeight: number }

/** Wraps text into a box with the largest font that fits; text too long for the smallest ends with an ellipsis. */
export function fitText(
  text: string,
  box: { width: number; height: number; largest: number; smallest: number },
): TextBlock {
  for (let fontSize = box.largest; ; fontSize = Math.max(box.smallest, fontSize * 0.86)) {
    const lineHeight = fontSize * 1.28
    const room = Math.max(1, Math.floor(box.height / lineHeight))
    const lines = wrap(text, box.width, fontSize)
    if (lines.length <= room) return { lines, fontSize, lineHeight }
    if (fontSize === box.smallest) {
      const kept = lines.slice(0, room)
      kept[room - 1] = `${kept[room - 1]?.replace(/.{2}$/u, "") ?? ""}…`
      return { lines: kept, fontSize, lineHeight }
    }
  }
}

function wrap(text: string, width: number, fontSize: number): string[] {
  const lines: string[] = []
  let line = ""
  for (const word of text.split(/\s+/).flatMap((long) => breakWord(long, width, fontSize))) {
    const longer = line === "" ? word : `${line} ${word}`
    if (line !== "" && widthOf(longer, fontSize) > width) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}

function breakWord(word: string, width: number, fontSize: number): string[] {
  const pieces: string[] = []
  let piece = ""
  for (const character of word) {
    if (piece !== "" && widthOf(piece + character, fontSize) > width) {
      pieces.push(piece)
      piece = ""
    }
    piece += character
  }
  return [...pieces, piece]
}
