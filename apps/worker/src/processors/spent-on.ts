import type { ModelEntry, Tokens } from "@kiln/contract"
import { costOf } from "@kiln/jobs"
import type { Spent } from "@kiln/ledger"

/** What one call used. */
export const spentOn = (tokens: Tokens, model: ModelEntry): Spent => ({
  calls: 1,
  input: tokens.input,
  output: tokens.output,
  costNanoUsd: costOf(tokens, model.prices),
})
