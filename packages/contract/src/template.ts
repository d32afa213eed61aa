import { z } from "zod"

/** A prompt with `{variables}`; one without a default must be given. */
export const Template = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
    object: z.literal("template"),
    name: z.string(),
    description: z.string(),
    type: z.enum(["generation", "edit"]),
    prompt: z.string().min(1).max(32_000),
    variables: z.array(
      z.strictObject({ name: z.string(), description: z.string(), default: z.string().nullable() }),
    ),
    built_in: z.boolean(),
  })
  .describe("A prompt template.")
export type Template = z.infer<typeof Template>
