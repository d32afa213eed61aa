import type { Progress } from "./benchmark.ts"

/** How often each side is measured, unless a benchmark can afford more. */
export const usualRounds = 5

type Side = "bare" | "kiln"

type Options<Round> = { progress: Progress; show: (round: Round) => string; rounds?: number }

/**
 * Measures two sides in turn, bare first, so that what else happens on the machine meets both. Each round is shown
 * by `show` as it ends.
 */
export async function inTurns<Round>(
  sides: Readonly<Record<Side, () => Promise<Round>>>,
  { progress, show, rounds = usualRounds }: Options<Round>,
): Promise<Record<Side, Round[]>> {
  const measured: Record<Side, Round[]> = { bare: [], kiln: [] }
  for (let round = 1; round <= rounds; round++) {
    for (const side of ["bare", "kiln"] as const) {
      const result = await sides[side]()
      measured[side].push(result)
      progress(`round ${round}/${rounds} ${side}: ${show(result)}`)
    }
  }
  return measured
}
