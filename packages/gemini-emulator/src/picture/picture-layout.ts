type Box = { x: number; y: number; width: number; height: number }

/** Where things stand on a picture of any shape. */
export type PictureLayout = { unit: number; mark: Box; text: Box; footer: Box; tiles: Box[] }

/** Lays out a picture: mark on top, prompt in the middle, facts below, and the input images along one edge. */
export function layOutPicture(width: number, height: number, tileCount: number): PictureLayout {
  const unit = Math.min(width, height)
  const margin = unit * 0.06
  const isWide = width > height * 1.6
  const strip = tileCount === 0 ? undefined : stripOf(width, height, margin, isWide)
  const inner: Box = {
    x: margin,
    y: margin,
    width: (strip !== undefined && isWide ? strip.x - margin : width - margin) - margin,
    height: (strip !== undefined && !isWide ? strip.y - margin : height - margin) - margin,
  }
  const row = unit * 0.07
  const text = { ...inner, y: inner.y + row + margin * 0.6, height: inner.height - 2 * row - margin * 1.2 }
  return {
    unit,
    mark: { ...inner, height: row },
    text,
    footer: { ...inner, y: inner.y + inner.height - row, height: row },
    tiles: strip === undefined ? [] : tilesIn(strip, tileCount),
  }
}

function stripOf(width: number, height: number, margin: number, isWide: boolean): Box {
  if (!isWide) {
    const stripHeight = Math.min(height * 0.3, width * 0.26)
    return { x: margin, y: height - margin - stripHeight, width: width - 2 * margin, height: stripHeight }
  }
  const stripWidth = width * 0.3
  return { x: width - margin - stripWidth, y: margin, width: stripWidth, height: height - 2 * margin }
}

/** Squares in reading order, as large as the strip allows. */
function tilesIn(strip: Box, count: number): Box[] {
  let columns = 1
  let side = 0
  for (let tried = 1; tried <= count; tried++) {
    const fits = Math.min(strip.width / tried, strip.height / Math.ceil(count / tried))
    if (fits > side) [columns, side] = [tried, fits]
  }
  const gap = side * 0.08
  return Array.from({ length: count }, (_, index) => ({
    x: Math.round(strip.x + (index % columns) * side),
    y: Math.round(strip.y + Math.floor(index / columns) * side),
    width: Math.round(side - gap),
    height: Math.round(side - gap),
  }))
}
