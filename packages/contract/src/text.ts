import { z } from "zod"

export const wellFormed = (text: string): boolean => text.isWellFormed() && !text.includes("\0")

const notWellFormed = "must be valid Unicode without NUL characters"

/** Text that a caller wrote and that may be empty: valid Unicode without NUL. */
export const anyText = (max: number) =>
  z
    .string()
    .max(max, `must be at most ${max.toLocaleString("en")} characters`)
    .refine(wellFormed, notWellFormed)

/** The same, but not blank. */
export const text = (max: number) => anyText(max).refine((value) => value.trim() !== "", "must not be blank")
