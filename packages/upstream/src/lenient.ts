import { z } from "zod"

/** A field that may be absent, null or of another shape: then it is undefined, and the reply is still read. */
export const lenient = <Schema extends z.ZodType>(schema: Schema) =>
  schema
    .nullish()
    .transform((value) => value ?? undefined)
    .catch(undefined)
    .optional()
