import type { LoadedTurn } from "./load-turn.ts"

/** Sixteen turns with two images each are a third of what the smallest model reads. */
const mostTurns = 16
/** On this machine's disk, and in files at the upstream. */
const mostBytes = 100_000_000

/**
 * The latest turns that can be said again with so many new images: at most sixteen, with 100 MB in all, and together no
 * more images of callers than the model takes. Older ones are left out whole.
 */
export function fitHistory(
  turns: readonly LoadedTurn[],
  { newImages, mostImages }: { newImages: number; mostImages: number },
): readonly LoadedTurn[] {
  let images = newImages
  let bytes = 0
  let first = turns.length
  while (first > 0 && turns.length - first < mostTurns) {
    const before = turns[first - 1]
    images += before?.turn.inputs.length ?? 0
    bytes += before?.bytes ?? 0
    if (images > mostImages || bytes > mostBytes) break
    first -= 1
  }
  return turns.slice(first)
}
