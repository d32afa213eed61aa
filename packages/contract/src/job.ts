import { z } from "zod"

import { jobFailures, type JobFailureCode } from "./failures.ts"
import { Parameters } from "./generation.ts"
import { idOf } from "./ids.ts"

export const jobStatuses = ["queued", "running", "succeeded", "failed", "canceled", "expired"] as const
export const JobStatus = z.enum(jobStatuses)
export type JobStatus = z.infer<typeof JobStatus>

export const terminalStatuses = ["succeeded", "failed", "canceled", "expired"] as const
export type TerminalStatus = (typeof terminalStatuses)[number]
export const isTerminal = (status: JobStatus): status is TerminalStatus =>
  (terminalStatuses as readonly string[]).includes(status)

const instant = z.iso.datetime().describe("RFC 3339, UTC, milliseconds.")
const ChargedSchema = z.enum(["yes", "no", "unknown"])
export const JobFailureCodeSchema = z.enum(Object.keys(jobFailures) as [JobFailureCode, ...JobFailureCode[]])

/** What a caller should know of a job that is done all the same. */
export const Warning = z.strictObject({ code: z.string(), detail: z.string() })
export type Warning = z.infer<typeof Warning>

export const JobWarning = Warning.extend({
  docs: z.string().nullable().describe("A page that says more, where there is one."),
})

export const JobError = z
  .strictObject({
    code: JobFailureCodeSchema,
    message: z.string(),
    retryable: z.boolean(),
    upstream: z
      .strictObject({
        status: z.int().nullable(),
        finish_reason: z.string().nullable(),
        block_reason: z.string().nullable(),
        message: z.string().nullable(),
      })
      .nullable(),
  })
  .describe("Why a job ended without its images.")
export type JobError = z.infer<typeof JobError>

export const Output = z.strictObject({
  index: z.int(),
  url: z.string().nullable().describe("A signed URL; null when the image was removed."),
  url_expires_at: instant.nullable(),
  key: z.string(),
  content_type: z.string(),
  bytes: z.int(),
  width: z.int(),
  height: z.int(),
  sha256: z.string(),
  upstream_content_type: z.string(),
  preview_url: z.string().nullable(),
})
export type Output = z.infer<typeof Output>

export const AttemptOutcome = z.enum([
  "succeeded",
  "canceled",
  "worker_lost",
  "handed_back",
  ...JobFailureCodeSchema.options,
])
export type AttemptOutcome = z.infer<typeof AttemptOutcome>

export const Attempt = z.strictObject({
  number: z.int(),
  model: z.string(),
  started_at: instant,
  ended_at: instant.nullable(),
  outcome: AttemptOutcome.nullable().describe("Null while it runs."),
  upstream_status: z.int().nullable(),
  charged: ChargedSchema.nullable(),
})
export type Attempt = z.infer<typeof Attempt>

export const Usage = z.strictObject({
  input_tokens: z.int(),
  output_tokens: z.int(),
  upstream_calls: z.int(),
  cost_usd: z.number().nullable().describe("Null where the price is not known."),
  charged: ChargedSchema,
})
export type Usage = z.infer<typeof Usage>

/** A piece of what the model gave, in its order; `output` is the index of an output. */
export const ContentPiece = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text"), text: z.string() }),
  z.strictObject({ type: z.literal("image"), output: z.int() }),
])
export type ContentPiece = z.infer<typeof ContentPiece>

export const Job = z
  .strictObject({
    id: idOf("job"),
    object: z.literal("job"),
    type: z.enum(["generation", "edit"]),
    status: JobStatus,
    model: z.string(),
    requested_model: z.string(),
    prompt: z.string().nullable(),
    template: z.string().nullable().describe("Id of the template that the prompt was made of."),
    parameters: Parameters,
    inputs: z
      .array(z.strictObject({ asset: z.string(), content_type: z.string(), width: z.int(), height: z.int() }))
      .describe("The images of an edit in their order; those given by `url` or `key` once they are fetched."),
    outputs: z.array(Output),
    text: z.string().nullable(),
    content: z
      .array(ContentPiece)
      .nullable()
      .describe("With `include_text`: text and images in the order in which the model gave them; else null."),
    shortfall: z
      .strictObject({ requested: z.int(), delivered: z.int(), errors: z.array(JobError) })
      .nullable(),
    error: JobError.nullable(),
    warnings: z.array(JobWarning),
    queue: z
      .strictObject({
        position: z.int(),
        blocked_by: z.string().nullable(),
        eta_seconds: z.int().nullable(),
      })
      .nullable(),
    attempts: z.array(Attempt),
    usage: Usage,
    priority: z.enum(["low", "normal", "high"]),
    not_before: instant.nullable(),
    deadline: instant.nullable(),
    batch: z.string().nullable(),
    custom_id: z.string().nullable(),
    previous_job: z.string().nullable().describe("The job whose conversation this one goes on with."),
    metadata: z.record(z.string(), z.string()),
    created_at: instant,
    started_at: instant.nullable(),
    completed_at: instant.nullable(),
    expires_at: instant.nullable().describe("When the record is removed."),
    urls: z.strictObject({ self: z.string(), cancel: z.string(), retry: z.string(), events: z.string() }),
  })
  .describe("A job and how it is doing.")
export type Job = z.infer<typeof Job>
