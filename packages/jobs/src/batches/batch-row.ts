import type { FieldError } from "@kiln/contract"

/** A row as it stands in a file or a body; its errors are those of reading it. */
export type BatchRow = {
  /** From 1; of a row over several lines the first. */
  line: number
  value: unknown
  errors: readonly FieldError[]
}

/** An item before it is checked: the row with the scene and the defaults under it. */
export type RawItem = { line: number; value: unknown; errors: readonly FieldError[] }

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
