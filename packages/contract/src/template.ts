import { z } from "zod"

import { anyText, text } from "./text.ts"

export const TemplateId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "expected 1 to 63 of a-z, 0-9 and -, starting with a letter or digit")

export const TemplateType = z.enum(["generation", "edit"])

/** What stands between the braces of a `{variable}`. */
export const VariableName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, "expected 1 to 63 of a-z, 0-9 and _, starting with a letter")

/** Variables that a template has, and values that a request gives, at the most. */
const mostVariables = 32
const value = anyText(4_000)

/** The values that a request gives for a template's variables. */
export const VariableValues = z
  .record(z.string().min(1).max(64), value)
  .refine(
    (values) => Object.keys(values).length <= mostVariables,
    `must have at most ${mostVariables} entries`,
  )

const variable = {
  name: VariableName,
  description: anyText(500).default("").describe("What to write here, for a form."),
  default: value
    .nullable()
    .default(null)
    .describe("Taken when no value is given; null: a value must be given."),
}

const prompt = text(8_000).describe(
  "The words, with `{name}` where a value goes; `{{` and `}}` are literal braces.",
)

/** Redis keeps templates in memory, 500 of a tenant. */
const mostBytes = 32 * 1_024
const bytesOf = (body: unknown): number => new TextEncoder().encode(JSON.stringify(body)).length

/** The body of `PUT /v1/templates/{id}`. */
export const TemplateRequest = z
  .strictObject({
    name: text(100),
    description: anyText(500).default(""),
    type: TemplateType.default("generation"),
    prompt,
    variables: z
      .array(
        z
          .strictObject({ ...variable, example: value.optional().describe("Absent: the default.") })
          .refine(({ example, default: otherwise }) => (example ?? otherwise) !== null, {
            path: ["example"],
            message: "is required where there is no default",
          }),
      )
      .max(mostVariables)
      .default([]),
  })
  .refine((body) => bytesOf(body) <= mostBytes, "must be at most 32 KB in all")
  .describe("A template to keep: every `{variable}` of the prompt is declared, and nothing else.")
export type TemplateRequest = z.infer<typeof TemplateRequest>

/** A prompt with `{variables}`; one without a default must be given. */
export const Template = z
  .strictObject({
    id: TemplateId,
    object: z.literal("template"),
    name: z.string(),
    description: z.string(),
    type: TemplateType,
    prompt,
    variables: z.array(z.strictObject({ ...variable, example: z.string() })),
    example: z
      .record(z.string(), z.string())
      .describe("A value for each variable: together a complete example of `variables`."),
    built_in: z.boolean(),
    created_at: z.iso.datetime().nullable().describe("Null for a built-in one."),
  })
  .describe("A prompt template.")
export type Template = z.infer<typeof Template>
