import { z } from "zod"

import { AspectRatio, GroundingSource, ImageSize, ThinkingLevel } from "./model.ts"
import { moment } from "./moment.ts"

export const OutputFormat = z.enum(["png", "jpeg", "webp"])
export type OutputFormat = z.infer<typeof OutputFormat>

export const Priority = z.enum(["low", "normal", "high"])
export type Priority = z.infer<typeof Priority>

const wellFormed = (text: string) => text.isWellFormed() && !text.includes("\0")

/** Text that a caller wrote: not blank, and valid Unicode without NUL. */
const text = (max: number) =>
  z
    .string()
    .max(max, `must be at most ${max.toLocaleString("en")} characters`)
    .refine((value) => value.trim() !== "", "must not be blank")
    .refine(wellFormed, "must be valid Unicode without NUL characters")

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

/** The body of `POST /v1/generations`. */
export const GenerationRequest = z
  .strictObject({
    prompt: text(32_000).describe("What to paint."),
    model: z.string().min(1).max(128).optional().describe("Id or alias of a model; see `GET /v1/models`."),
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
  })
  .refine((request) => request.output_quality === undefined || request.output_format !== "png", {
    path: ["output_quality"],
    message: "is for jpeg and webp; png is lossless",
  })
  .describe("A picture to make from words.")
export type GenerationRequest = z.infer<typeof GenerationRequest>
export type GenerationInput = z.input<typeof GenerationRequest>
