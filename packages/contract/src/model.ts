import { z } from "zod"

export const aspectRatios = [
  "1:1",
  "2:3",
  "3:2",
  "3:4",
  "4:3",
  "4:5",
  "5:4",
  "9:16",
  "16:9",
  "21:9",
  "1:4",
  "4:1",
  "1:8",
  "8:1",
] as const
export const AspectRatio = z.enum(aspectRatios).describe("Width to height of the image.")
export type AspectRatio = z.infer<typeof AspectRatio>

export const ImageSize = z.enum(["512", "1K", "2K", "4K"]).describe("Size class; the K is upper case.")
export type ImageSize = z.infer<typeof ImageSize>

export const ThinkingLevel = z.enum(["minimal", "low", "medium", "high"])
export const GroundingSource = z.enum(["web", "image"])

export const ModelCapabilities = z.strictObject({
  generate: z.boolean(),
  edit: z.boolean(),
  max_input_images: z.int().min(0),
  best_input_images: z
    .int()
    .positive()
    .optional()
    .describe("With more input images than this, details get lost; absent: not known."),
  aspect_ratios: z.array(AspectRatio),
  image_sizes: z.array(ImageSize).describe("Empty: the model has one fixed size and takes no `image_size`."),
  text: z.boolean().describe("Can interleave text with its images."),
  thinking_levels: z.array(ThinkingLevel),
  seed: z.boolean(),
  grounding: z.array(GroundingSource),
  output_type: z.enum(["image/png", "image/jpeg"]).describe("What the upstream answers; Kiln converts."),
})

const usdPerMillionTokens = z.number().min(0).nullable()

export const ModelPrices = z.strictObject({
  input: usdPerMillionTokens.describe("USD for a million input tokens."),
  text_output: usdPerMillionTokens.describe("USD for a million tokens of text and thinking."),
  image_output: usdPerMillionTokens.describe("USD for a million tokens of image."),
  image_tokens: z
    .partialRecord(z.union([ImageSize, z.literal("default")]), z.int().positive())
    .describe("Tokens of one image by size, for estimates."),
  input_image_tokens: z
    .int()
    .min(0)
    .optional()
    .describe("Tokens of one input image, for estimates; absent: 1,120."),
  thinking_tokens: z
    .int()
    .min(0)
    .optional()
    .describe("Tokens of thinking that go with an image, for estimates; absent: 300."),
  per_image: z
    .number()
    .min(0)
    .nullable()
    .optional()
    .describe("USD for an image, where the upstream bills images and not tokens."),
})
export type ModelPrices = z.infer<typeof ModelPrices>

/** What the upstream allows a project for this model; null is not known. */
export const ModelLimits = z.strictObject({
  rpm: z.int().positive().nullable(),
  ipm: z.int().positive().nullable(),
  rpd: z.int().positive().nullable(),
  concurrency: z.int().positive().nullable().optional().describe("Calls in flight a worker process."),
})

/** An entry of the model registry, as it is written in the registry file. */
export const ModelEntry = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/),
  name: z.string().min(1),
  description: z.string(),
  group: z.string(),
  sort_order: z.number(),
  api_model: z.string().min(1).describe("The name that the upstream knows."),
  aliases: z.array(z.string().min(1)).default([]),
  protocol: z.enum(["gemini", "imagen"]).default("gemini"),
  base_url: z.url().optional(),
  api_version: z.string().optional(),
  token_env: z.string().optional().describe("Environment variable that holds this model's key."),
  system_instruction: z.string().optional(),
  capabilities: ModelCapabilities,
  prices: ModelPrices,
  limits: ModelLimits,
  retires_on: z.iso.date().nullable().default(null),
  replaced_by: z.string().nullable().default(null),
})
export type ModelEntry = z.infer<typeof ModelEntry>

export const ModelStatus = z
  .enum(["available", "retiring", "retired", "unavailable"])
  .describe("`unavailable`: the upstream said that it does not serve it.")
export type ModelStatus = z.infer<typeof ModelStatus>

/** A model as callers see it: where it is served and with which key is not told. */
export const Model = z
  .strictObject({
    object: z.literal("model"),
    ...ModelEntry.pick({
      id: true,
      name: true,
      description: true,
      group: true,
      sort_order: true,
      api_model: true,
      capabilities: true,
      prices: true,
    }).shape,
    aliases: z.array(z.string()),
    status: ModelStatus,
    retires_on: z.iso.date().nullable(),
    replaced_by: z.string().nullable(),
    default: z.boolean().describe("Used when a request names no model."),
  })
  .describe("A model of the registry.")
export type Model = z.infer<typeof Model>
