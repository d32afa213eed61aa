import type { Parameters } from "fast-check"

/** Ten times as long as a run of a model takes on a machine that others use too. */
const longestRunMs = 5_000

/**
 * How often a model is played: `KILN_MODEL_RUNS` times, or as often as it says itself. A run that goes round in circles
 * is a failure with its counterexample, and looking for a shorter one has an end.
 */
export function boundedRuns(usual: number): Parameters<unknown> {
  const numRuns = Number(process.env["KILN_MODEL_RUNS"] ?? usual)
  return { numRuns, timeout: 6 * longestRunMs, interruptAfterTimeLimit: numRuns * longestRunMs }
}
