import { z } from "zod"

/** A number in a path or a query, where all is text: digits only, unlike what JavaScript takes for a number. */
export const numberIn = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess(
    (value) => (typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value),
    schema,
  )
