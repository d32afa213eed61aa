import { z } from "zod"

import { AspectRatio, GroundingSource, ImageSize, ThinkingLevel } from "./model.ts"
import { moment } from "./moment.ts"
import { TemplateId, VariableValues } from "./template.ts"
import { text, wellFormed } from "./text.ts"

export const OutputFormat = z.enum(["png", "jpeg", "webp"])
export type OutputFormat = z.infer<typeof OutputFormat>

export const Priority = z.enum(["low", "normal", "high"])
export type Priority = z.infer<typeof Priority>

export const Metadata = z
  .record(z.string().min(1).max(64).refine(wellFormed), z.string().max(512).refine(wellFormed))
  .refine((pairs) => Object.keys(pairs).length <= 16, "must have at most 16 pairs")
  .describe("Up to 16 pairs of strings, echoed everywhere.")

const SafetyThreshold = z.enum([
  "off",
  "block_none",
  "block_only_high",
  "block_medium_and_above",
  "block_low_and_above",
])

/** What the model is told beside the prompt; checked against its capabilities before anything is spent. */
const painting = {
  n: z.int().min(1).max(8).default(1).describe("How many images; each is an upstream call of its own."),
  aspect_ratio: AspectRatio.optional(),
  image_size: ImageSize.optional(),
  output_format: OutputFormat.default("png").describe("What is stored, whatever the upstream answers."),
  output_quality: z.int().min(1).max(100).optional().describe("For `jpeg` and `webp`."),
  include_text: z.boolean().default(false).describe("Keep the text that the model gives with its images."),
  system_instruction: text(8_000).optional(),
  temperature: z.number().min(0).max(2).optional(),
  seed: z.int32().optional(),
  thinking_level: ThinkingLevel.optional(),
  safety: z
    .partialRecord(
      z.enum(["harassment", "hate_speech", "sexually_explicit", "dangerous_content"]),
      SafetyThreshold,
    )
    .optional(),
  grounding: z.array(GroundingSource).min(1).max(2).optional().describe("Let the model search first."),
}

/** The parameters of a job with their defaults filled in. */
export const Parameters = z.strictObject(painting)
export type Parameters = z.infer<typeof Parameters>

const longestDeadlineS = 7 * 24 * 3_600

/** More would only hide that nothing can be called. */
const mostFallbacks = 4

/** Characters of a prompt, written or made of a template. */
export const longestPrompt = 32_000

/** What every request for pictures may say, of words alone or of images too. */
export const asked = {
  prompt: text(longestPrompt).optional().describe("What to paint; or a `template` instead."),
  template: TemplateId.optional().describe(
    "Id of a template to make the prompt of; see `GET /v1/templates`.",
  ),
  variables: VariableValues.optional().describe("Values for the template's variables."),
  model: z.string().min(1).max(128).optional().describe("Id or alias of a model; see `GET /v1/models`."),
  fallback_models: z
    .array(z.string().min(1).max(128))
    .min(1)
    .max(mostFallbacks)
    .optional()
    .describe("Models that take over, in this order, when one is overloaded, retired or out of daily quota."),
  ...painting,
  priority: Priority.default("normal"),
  not_before: moment.optional().describe("Start no earlier."),
  deadline_seconds: z
    .int()
    .min(1)
    .max(longestDeadlineS)
    .optional()
    .describe("The job expires if it has not ended by then."),
  max_cost_usd: z.number().positive().optional().describe("Refuse when the estimate is above."),
  metadata: Metadata.default({}),
}
type Asked = z.output<z.ZodObject<typeof asked>>

/** Which of these go together. */
export const askedTogether = [
  z.refine<Asked>(({ output_quality: quality, output_format: format }) => !quality || format !== "png", {
    path: ["output_quality"],
    message: "is for jpeg and webp; png is lossless",
  }),
  z.refine<Asked>(({ prompt, template }) => prompt !== undefined || template !== undefined, {
    path: ["prompt"],
    message: "is required, or a `template` with its `variables`",
  }),
  z.refine<Asked>(({ prompt, template }) => prompt === undefined || template === undefined, {
    path: ["template"],
    message: "cannot go with a `prompt`; give one of the two",
  }),
  z.refine<Asked>(({ template, variables }) => template !== undefined || variables === undefined, {
    path: ["variables"],
    message: "go with a `template`",
  }),
] as const

/** The body of `POST /v1/generations`. */
export const GenerationRequest = z
  .strictObject(asked)
  .check(...askedTogether)
  .describe("A picture to make from words.")
export type GenerationRequest = z.infer<typeof GenerationRequest>
export type GenerationInput = z.input<typeof GenerationRequest>
