import { z } from "zod"

/** JSON in a query, where all is text; what is no JSON is left for the schema to refuse. */
export const jsonIn = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => (typeof value === "string" ? parsed(value) : value), schema)

function parsed(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
