/** The middle of the numbers; NaN of none. */
export const median = (numbers: readonly number[]): number => percentile(numbers, 0.5)

/** The number that this part (0..1) of all does not exceed, interpolated between neighbours; NaN of none. */
export function percentile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const at = part * (sorted.length - 1)
  const low = sorted[Math.floor(at)] ?? NaN
  const high = sorted[Math.ceil(at)] ?? NaN
  return low + (high - low) * (at - Math.floor(at))
}
