import type { FieldError } from "@kiln/contract"

/** A file of rows cannot be read any further. */
export class RowsFailure extends Error {
  override name = "RowsFailure"
  readonly line: number | null
  readonly error: FieldError

  constructor(line: number | null, error: FieldError, options: ErrorOptions = {}) {
    super(error.detail, options)
    this.line = line
    this.error = error
  }
}

export const unreadable = (line: number | null, code: string, detail: string, cause?: unknown): RowsFailure =>
  new RowsFailure(line, { pointer: "", code, detail }, { cause })
