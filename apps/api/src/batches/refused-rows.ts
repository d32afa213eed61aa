import type { RowsFailure } from "@kiln/batches"
import {
  mostBatchErrors,
  mostBatchItems,
  Refusal,
  type BatchError,
  type BatchOptions,
  type FieldError,
} from "@kiln/contract"

const longestDetail = 300

/** Collects what is wrong with rows: all are counted, the first hundred errors are named. */
export function createRefusedRows(onInvalid: BatchOptions["on_invalid"]) {
  const errors: BatchError[] = []
  let count = 0
  return {
    errors,
    count: () => count,
    /** Whether nothing will be taken any more. */
    isFatal: () => count > 0 && onInvalid === "fail",
    add(line: number, customId: string | null, wrong: readonly FieldError[]): void {
      count += 1
      for (const { pointer, code, detail } of wrong.slice(0, mostBatchErrors - errors.length)) {
        errors.push({ line, custom_id: customId, pointer, code, detail: detail.slice(0, longestDetail) })
      }
    },
    refusal(): Refusal {
      if (count > 0) return invalid(errors, sentenceOf(errors, count))
      const detail = "there is no row"
      return invalid([{ line: null, custom_id: null, pointer: "", code: "required", detail }], detail)
    },
  }
}

export function tooMany(line: number): Refusal {
  const detail = `a batch has at most ${mostBatchItems.toLocaleString("en")} items`
  return invalid([{ line, custom_id: null, pointer: "", code: "too_big", detail }], detail)
}

/** Rows that cannot be read at all, wherever it is that they break. */
export function unreadableRows({ line, error, message, cause }: RowsFailure): Refusal {
  if (line !== null) return invalid([{ line, custom_id: null, ...error }], message)
  const code = error.code === "too_big" ? "payload_too_large" : "invalid_request"
  return new Refusal(code, message, { errors: [error], cause })
}

function sentenceOf(errors: readonly BatchError[], count: number): string {
  const [first] = errors
  const rows = count === 1 ? "One row is" : `${count.toLocaleString("en")} rows are`
  const where = first
    ? `; line ${first.line ?? 1}: ${`${first.pointer.slice(1)} ${first.detail}`.trim()}`
    : ""
  return `${rows} not valid, nothing was taken${where}`
}

const invalid = (errors: readonly BatchError[], sentence: string): Refusal =>
  new Refusal("batch_invalid", sentence, { errors })
