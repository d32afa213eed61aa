import type { Batch } from "@kiln/contract"

/** Refused rows that an event names; the batch itself names more. */
const mostErrors = 10
const mostCharacters = 200

/** The batch in less than 20 KB of JSON: of many refused rows the first are told, and `truncated` says so. */
export function fitBatch(batch: Batch): Batch & { truncated?: true } {
  const { count, errors } = batch.refused
  if (errors.length <= mostErrors && errors.every(({ detail }) => detail.length <= mostCharacters))
    return batch
  const few = errors
    .slice(0, mostErrors)
    .map(({ detail, ...error }) =>
      Object.assign(error, { detail: detail.slice(0, mostCharacters).toWellFormed() }),
    )
  return { ...batch, refused: { count, errors: few }, truncated: true }
}
