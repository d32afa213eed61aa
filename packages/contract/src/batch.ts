import { z } from "zod"

import { EditRequest } from "./edit.ts"
import { asked, askedTogether, Priority } from "./generation.ts"
import { idOf } from "./ids.ts"
import { JobError, jobStatuses, JobStatus, Output } from "./job.ts"
import { text } from "./text.ts"

/** Items of one batch. */
export const mostBatchItems = 100_000
/** Scenes that each product is put into. */
const mostScenes = 200
/** Errors that a refused batch names. */
export const mostBatchErrors = 100

const control = /\p{Cc}/u

/** The caller's own name of an item, such as a SKU. */
export const CustomId = text(200).refine(
  (id) => !control.test(id) && id === id.trim(),
  "must have no control characters and no blanks around it",
)

const { images } = EditRequest.shape
// A batch has one webhook for all its items, and `resume` instead of `cache`.
const { webhook, cache: _cache, ...askedOfItems } = asked
const itemFields = {
  type: z.enum(["generation", "edit"]).optional().describe("Absent: an edit where there are `images`."),
  images: images.optional().describe("Makes it an edit, as in `POST /v1/edits`."),
  ...askedOfItems,
}
type Typed = { type?: string | undefined; images?: readonly unknown[] | undefined }

const typedWithImages = [
  z.refine<Typed>(({ type, images: given }) => type !== "edit" || given !== undefined, {
    path: ["images"],
    message: "is required for an edit",
  }),
  z.refine<Typed>(({ type, images: given }) => type !== "generation" || given === undefined, {
    path: ["images"],
    message: "makes it an edit, not a generation",
  }),
] as const

/** One item of a batch, the batch's defaults already under it. */
export const BatchItemRequest = z
  .strictObject({ custom_id: CustomId, ...itemFields })
  .check(...askedTogether, ...typedWithImages)
  .describe("One picture of a batch.")
export type BatchItemRequest = z.infer<typeof BatchItemRequest>

const BatchDefaults = z
  .strictObject(itemFields)
  .partial()
  .describe("Fields that every item has unless it says otherwise; `metadata` and `variables` are merged.")

/** A product of a catalogue: what differs from row to row, whatever the scene. */
export const BatchProduct = z.strictObject({
  custom_id: CustomId,
  variables: asked.variables,
  images: itemFields.images,
  metadata: asked.metadata.optional(),
})

const BatchScene = z.strictObject({
  id: CustomId.refine((id) => !id.includes("/"), "must have no slash"),
  ...BatchDefaults.shape,
})

/** What a batch says beside its rows. */
export const BatchOptions = z.strictObject({
  name: text(200).optional(),
  defaults: BatchDefaults.optional(),
  scenes: z
    .array(BatchScene)
    .min(1)
    .max(mostScenes)
    .optional()
    .describe("Every row is a product, and every product is made in every scene: `product/scene`."),
  on_invalid: z
    .enum(["fail", "skip"])
    .default("fail")
    .describe("`fail`: one bad row refuses all. `skip`: the rest is taken and the refused are listed."),
  max_cost_usd: z.number().positive().optional().describe("Refuse when the estimate of all is above."),
  max_parallel: z.int().min(1).max(10_000).optional().describe("Items that run at once at the most."),
  priority: Priority.optional().describe("Of every item that has none of its own."),
  deadline_seconds: asked.deadline_seconds.describe("Items that have not ended by then expire."),
  webhook: webhook.describe(
    "Told of this batch alone, by default how it ended; name `job.…` events to be told of its items too.",
  ),
  resume: idOf("bat")
    .optional()
    .describe("An earlier batch whose finished items are taken over where their rows are the same."),
})
export type BatchOptions = z.infer<typeof BatchOptions>
export type BatchOptionsInput = z.input<typeof BatchOptions>

/** The body of `POST /v1/batches` as JSON: `items`, or `products` with `scenes`. */
export const BatchRequest = BatchOptions.extend({
  items: z.array(BatchItemRequest).min(1).max(mostBatchItems).optional(),
  products: z.array(BatchProduct).min(1).max(mostBatchItems).optional(),
}).describe("Pictures to make together: `items`, or `products` × `scenes`.")

export const batchStatuses = ["validating", "running", "paused", "completed", "canceled", "failed"] as const
export const BatchStatus = z.enum(batchStatuses)
export type BatchStatus = z.infer<typeof BatchStatus>

const instant = z.iso.datetime()

/** A row that was refused. */
export const BatchError = z.strictObject({
  line: z.int().nullable().describe("Of the file, from 1; of JSON the number of the item, from 1."),
  custom_id: z.string().nullable(),
  pointer: z.string(),
  code: z.string(),
  detail: z.string(),
})
export type BatchError = z.infer<typeof BatchError>

export const Batch = z
  .strictObject({
    id: idOf("bat"),
    object: z.literal("batch"),
    name: z.string().nullable(),
    status: BatchStatus.describe("`completed`: every item has ended, not that all succeeded."),
    counts: z.strictObject({
      total: z.int(),
      ...Object.fromEntries(jobStatuses.map((status) => [status, z.int()])),
    } as Record<"total" | JobStatus, z.ZodInt>),
    usage: z.strictObject({
      cost_usd: z.number().nullable().describe("Null when a price is not known."),
      estimated_cost_usd: z.number().nullable(),
    }),
    eta_seconds: z.int().nullable().describe("At the speed of the last minutes; null while it is not known."),
    priority: Priority.nullable(),
    max_parallel: z.int().nullable(),
    resumed_from: z.string().nullable(),
    taken_over: z.int().describe("Items whose images an earlier batch made."),
    refused: z
      .strictObject({ count: z.int(), errors: z.array(BatchError) })
      .describe("Rows left out by `on_invalid=skip`, and what is wrong with the first 100."),
    error: z.string().nullable().describe("Why a `failed` batch could not be taken."),
    deadline: instant.nullable(),
    cancel_requested_at: instant.nullable(),
    created_at: instant,
    completed_at: instant.nullable(),
    expires_at: instant.nullable().describe("When the record is removed."),
    urls: z.strictObject({
      self: z.string(),
      items: z.string(),
      results: z.string(),
      archive: z.string(),
      contact_sheet: z.string(),
      events: z.string(),
      cancel: z.string(),
    }),
  })
  .describe("A batch and how it is doing.")
export type Batch = z.infer<typeof Batch>

/** An item and what came of it: a line of the results. */
export const BatchItem = z
  .strictObject({
    object: z.literal("batch_item"),
    index: z.int(),
    custom_id: z.string(),
    job: z.string().nullable().describe("Null while it waits for its turn to become a job."),
    status: JobStatus,
    taken_over: z.boolean().describe("Made by an earlier batch."),
    urls: z.array(z.string()).describe("Signed URLs of its images."),
    outputs: z.array(
      Output.pick({
        index: true,
        url: true,
        url_expires_at: true,
        content_type: true,
        bytes: true,
        width: true,
        height: true,
        sha256: true,
      }),
    ),
    error: JobError.nullable(),
    cost_usd: z.number().nullable(),
    started_at: instant.nullable(),
    completed_at: instant.nullable(),
  })
  .describe("An item of a batch and what came of it.")
export type BatchItem = z.infer<typeof BatchItem>

export const batchEventTypes = ["batch.progress", "batch.completed", "batch.canceled"] as const
export type BatchEventType = (typeof batchEventTypes)[number]

/** One thing that happened in a batch: to one of its items, or to the batch. */
export const BatchEvent = z
  .discriminatedUnion("type", [
    z.strictObject({
      id: idOf("evt"),
      type: z.enum(["job.succeeded", "job.failed", "job.canceled", "job.expired"]),
      timestamp: instant,
      data: BatchItem,
    }),
    z.strictObject({ id: idOf("evt"), type: z.enum(batchEventTypes), timestamp: instant, data: Batch }),
  ])
  .describe("Something that happened in a batch.")
export type BatchEvent = z.infer<typeof BatchEvent>
