import type { ContentPiece } from "@kiln/contract"

const between = "\n\n"

/**
 * A job's content as it is kept: its text in one piece, and how the pieces of it lie around the images, as `t12,i0,t7`
 * (twelve characters, image 0, seven characters). The layout is small however long the text is.
 */
export function layOut(content: readonly ContentPiece[]): { text: string | null; layout: string } {
  const texts = content.flatMap((piece) => (piece.type === "text" ? [piece.text] : []))
  return {
    text: texts.length > 0 ? texts.join(between) : null,
    layout: content
      .map((piece) => (piece.type === "text" ? `t${piece.text.length}` : `i${piece.output}`))
      .join(","),
  }
}

/** The images that a layout names. */
export const imagesIn = (layout: string): number[] =>
  layout.split(",").flatMap((word) => (word.startsWith("i") ? [Number(word.slice(1))] : []))

/** The content again. An image that the layout does not name comes last; a text that was removed is left out. */
export function contentOf(
  { text, layout }: { text: string | null; layout: string },
  outputs: Iterable<number>,
): ContentPiece[] {
  const missing = new Set(outputs)
  const content: ContentPiece[] = []
  let at = 0
  for (const word of layout.split(",")) {
    const number = Number(word.slice(1))
    if (word.startsWith("t")) {
      if (text !== null) content.push({ type: "text", text: text.slice(at, at + number) })
      at += number + between.length
    } else if (word.startsWith("i") && missing.delete(number)) {
      content.push({ type: "image", output: number })
    }
  }
  return [...content, ...[...missing].map((output) => ({ type: "image", output }) as const)]
}
