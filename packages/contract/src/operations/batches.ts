import { z } from "zod"

import { Batch, BatchEvent, BatchItem, BatchOptions, BatchRequest, BatchStatus } from "../batch.ts"
import { idOf } from "../ids.ts"
import { JobStatus } from "../job.ts"
import { jsonIn } from "../json-in.ts"
import { listOf, paging } from "../list.ts"
import { numberIn } from "../number-in.ts"
import type { Operation } from "../operation.ts"

const none = z.strictObject({})
const nothing = z.undefined()
const byId = z.strictObject({ id: idOf("bat") })
const wait = numberIn(z.int().min(1).max(60).optional()).describe(
  "Answer when the batch has ended or after so many seconds.",
)
const idempotent = {
  "idempotency-key": "1 to 255 characters; the same key and body within 24 h give the first answer again.",
}
const file = jsonIn(z.unknown().optional())
const option = BatchOptions.partial().shape

/** What stands beside a file, in the query or in parts of a form; JSON where it is no plain text. */
const optionsInQuery = z.strictObject({
  name: option.name,
  defaults: jsonIn(option.defaults),
  scenes: jsonIn(option.scenes),
  on_invalid: z.enum(["fail", "skip"]).optional().describe("`fail` where it is absent."),
  max_cost_usd: jsonIn(option.max_cost_usd),
  max_parallel: jsonIn(option.max_parallel),
  priority: option.priority,
  deadline_seconds: jsonIn(option.deadline_seconds),
  webhook: jsonIn(option.webhook),
  resume: option.resume,
})

export const createBatch = {
  method: "post",
  path: "/v1/batches",
  tag: "Batches",
  summary: "Make many pictures: items, products × scenes, or rows of NDJSON or CSV; streamed, up to 100 000",
  scope: "jobs:write",
  params: none,
  query: optionsInQuery,
  headers: idempotent,
  body: BatchRequest,
  rows: ["application/x-ndjson", "text/csv"],
  upload: "file",
  status: 202,
  reply: Batch,
  failures: [
    "batch_invalid",
    "budget_exceeded",
    "idempotency_in_progress",
    "idempotency_mismatch",
    "not_found",
    "queue_full",
  ],
} as const satisfies Operation

export const listBatches = {
  method: "get",
  path: "/v1/batches",
  tag: "Batches",
  summary: "List batches, newest first",
  scope: "jobs:read",
  params: none,
  query: z.strictObject({ ...paging, after: idOf("bat").optional(), status: BatchStatus.optional() }),
  body: nothing,
  status: 200,
  reply: listOf(Batch),
  failures: [],
} as const satisfies Operation

export const getBatch = {
  method: "get",
  path: "/v1/batches/:id",
  tag: "Batches",
  summary: "See how a batch is doing",
  scope: "jobs:read",
  params: byId,
  query: z.strictObject({ wait }),
  headers: {
    prefer: "`wait=n` (1 to 60 seconds) does the same as `?wait=n`.",
    "if-none-match": "An `ETag` of before: 304 when nothing changed.",
  },
  body: nothing,
  status: 200,
  also: { 304: "Nothing changed" },
  reply: Batch,
  failures: ["not_found"],
} as const satisfies Operation

export const listBatchItems = {
  method: "get",
  path: "/v1/batches/:id/items",
  tag: "Batches",
  summary: "List a batch's items in the order of its rows",
  scope: "jobs:read",
  params: byId,
  query: z.strictObject({
    ...paging,
    after: numberIn(z.int().min(0).optional()).describe("The `index` of the last item of the page before."),
    status: JobStatus.optional(),
  }),
  body: nothing,
  status: 200,
  reply: listOf(BatchItem),
  failures: ["not_found"],
} as const satisfies Operation

const acting = {
  method: "post",
  tag: "Batches",
  scope: "jobs:write",
  params: byId,
  query: none,
  body: nothing,
  status: 200,
  reply: Batch,
  failures: ["not_found", "batch_terminal"],
} as const

export const cancelBatch = {
  ...acting,
  path: "/v1/batches/:id/cancel",
  summary: "Stop a batch: what waits is canceled, what runs is aborted",
} as const satisfies Operation

export const pauseBatch = {
  ...acting,
  path: "/v1/batches/:id/pause",
  summary: "Hold a batch: what runs ends, what waits goes on waiting",
} as const satisfies Operation

export const resumeBatch = {
  ...acting,
  path: "/v1/batches/:id/resume",
  summary: "Go on with a batch that was paused",
} as const satisfies Operation

export const retryFailedItems = {
  ...acting,
  path: "/v1/batches/:id/retry-failed",
  summary: "Run the items that failed or expired again; all others stay as they are",
} as const satisfies Operation

export const deleteBatch = {
  ...acting,
  method: "delete",
  path: "/v1/batches/:id",
  summary: "Remove a batch that has ended, with its items' jobs and images; cancel one that has not first",
  status: 204,
  reply: nothing,
  failures: ["not_found", "batch_active"],
} as const satisfies Operation

const follow = z
  .enum(["0", "1"])
  .default("1")
  .describe("`0`: what has ended by now; `1`: go on until the batch has ended.")

export const getBatchResults = {
  method: "get",
  path: "/v1/batches/:id/results",
  tag: "Batches",
  summary: "Stream the items that have ended as NDJSON or CSV, while the batch runs",
  scope: "jobs:read",
  params: byId,
  query: z.strictObject({
    follow,
    format: z.enum(["ndjson", "csv"]).optional().describe("The same as `Accept`, for links."),
  }),
  headers: { accept: "`text/csv` gives CSV." },
  body: nothing,
  status: 200,
  reply: BatchItem,
  media: "application/x-ndjson",
  alsoMedia: ["text/csv"],
  failures: ["not_found"],
} as const satisfies Operation

export const getBatchArchive = {
  method: "get",
  path: "/v1/batches/:id/archive",
  tag: "Batches",
  summary: "Stream a ZIP of the images that there are, named by `custom_id`, with a `manifest.json`",
  scope: "jobs:read",
  params: byId,
  query: none,
  body: nothing,
  status: 200,
  reply: file,
  media: "application/zip",
  failures: ["not_found", "unavailable"],
} as const satisfies Operation

export const getBatchContactSheet = {
  method: "get",
  path: "/v1/batches/:id/contact-sheet",
  tag: "Batches",
  summary: "See the first image of each item as one PNG, 200 a page",
  scope: "jobs:read",
  params: byId,
  query: z.strictObject({ page: numberIn(z.int().min(1).max(1_000).default(1)) }),
  body: nothing,
  status: 200,
  reply: file,
  media: "image/png",
  failures: ["not_found", "unavailable"],
} as const satisfies Operation

export const watchBatch = {
  method: "get",
  path: "/v1/batches/:id/events",
  tag: "Batches",
  summary: "Follow a batch as server-sent events: each item that ends, and progress",
  scope: "jobs:read",
  params: byId,
  query: none,
  headers: { "last-event-id": "The id of the last event that arrived; the stream goes on after it." },
  body: nothing,
  status: 200,
  also: { 204: "Nothing more will happen: the last event that arrived was the terminal one" },
  reply: BatchEvent,
  media: "text/event-stream",
  failures: ["not_found"],
} as const satisfies Operation
