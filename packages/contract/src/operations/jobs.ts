import { z } from "zod"

import { EditRequest } from "../edit.ts"
import { JobEvent } from "../event.ts"
import { GenerationRequest } from "../generation.ts"
import { idOf } from "../ids.ts"
import { Job, JobStatus } from "../job.ts"
import { listOf, paging } from "../list.ts"
import { moment } from "../moment.ts"
import { numberIn } from "../number-in.ts"
import type { Operation } from "../operation.ts"

const none = z.strictObject({})
const nothing = z.undefined()
const byId = z.strictObject({ id: idOf("job") })

const wait = numberIn(z.int().min(1).max(60).optional()).describe(
  "Answer at the terminal status or after so many seconds.",
)

const prefer = { prefer: "`wait=n` (1 to 60 seconds) does the same as `?wait=n`." }
const creating = {
  ...prefer,
  "idempotency-key": "1 to 255 characters; the same key and body within 24 h give the first answer again.",
}

export const createGeneration = {
  method: "post",
  path: "/v1/generations",
  tag: "Jobs",
  summary: "Make pictures from words",
  scope: "jobs:write",
  params: none,
  query: z.strictObject({ wait }),
  headers: { ...creating, "cancel-after": "Like `90s` or `5m`: the same as `deadline_seconds`." },
  body: GenerationRequest,
  form: { images: false },
  status: 202,
  also: { 200: "The job, when a wait ended at its terminal status" },
  reply: Job,
  failures: ["budget_exceeded", "idempotency_in_progress", "idempotency_mismatch", "queue_full"],
} as const satisfies Operation

export const createEdit = {
  ...createGeneration,
  path: "/v1/edits",
  summary: "Make pictures from images and words",
  body: EditRequest,
  form: { images: true },
} as const satisfies Operation

const aboutOne = ["not_found", "job_expired"] as const

export const getJob = {
  method: "get",
  path: "/v1/jobs/:id",
  tag: "Jobs",
  summary: "See how a job is doing",
  scope: "jobs:read",
  params: byId,
  query: z.strictObject({ wait }),
  headers: { ...prefer, "if-none-match": "An `ETag` of before: 304 when nothing changed." },
  body: nothing,
  status: 200,
  also: { 304: "Nothing changed" },
  reply: Job,
  failures: aboutOne,
} as const satisfies Operation

export const listJobs = {
  method: "get",
  path: "/v1/jobs",
  tag: "Jobs",
  summary: "List jobs, newest first",
  scope: "jobs:read",
  params: none,
  query: z.strictObject({
    ...paging,
    after: idOf("job").optional(),
    status: JobStatus.optional(),
    type: z.enum(["generation", "edit"]).optional(),
    model: z.string().min(1).max(128).optional(),
    batch: idOf("bat").optional(),
    created_after: moment.optional(),
    created_before: moment.optional(),
    metadata: z
      .record(z.string(), z.string())
      .optional()
      .describe("`metadata[key]=value`: jobs that have all of these pairs."),
  }),
  body: nothing,
  status: 200,
  reply: listOf(Job),
  failures: [],
} as const satisfies Operation

export const cancelJob = {
  method: "post",
  path: "/v1/jobs/:id/cancel",
  tag: "Jobs",
  summary: "Stop a job; a running one has its upstream call aborted",
  scope: "jobs:write",
  params: byId,
  query: none,
  body: nothing,
  status: 200,
  reply: Job,
  failures: [...aboutOne, "job_terminal"],
} as const satisfies Operation

export const retryJob = {
  method: "post",
  path: "/v1/jobs/:id/retry",
  tag: "Jobs",
  summary: "Run a failed, canceled or expired job again; finished images are kept",
  scope: "jobs:write",
  params: byId,
  query: none,
  headers: { "idempotency-key": creating["idempotency-key"] },
  body: nothing,
  status: 202,
  reply: Job,
  failures: [
    ...aboutOne,
    "job_terminal",
    "job_active",
    "budget_exceeded",
    "queue_full",
    "idempotency_in_progress",
    "idempotency_mismatch",
  ],
} as const satisfies Operation

export const deleteJob = {
  method: "delete",
  path: "/v1/jobs/:id",
  tag: "Jobs",
  summary: "Remove a job's record and images; its inputs stay as assets",
  scope: "jobs:write",
  params: byId,
  query: none,
  body: nothing,
  status: 204,
  reply: nothing,
  failures: aboutOne,
} as const satisfies Operation

export const getOutput = {
  method: "get",
  path: "/v1/jobs/:id/outputs/:index",
  tag: "Jobs",
  summary: "Go to an image by a fresh signed URL",
  scope: "jobs:read",
  params: z.strictObject({ id: idOf("job"), index: numberIn(z.int().min(0).max(99)) }),
  query: z.strictObject({
    download: z.enum(["0", "1"]).optional().describe("`1` gives the image a file name."),
  }),
  body: nothing,
  status: 302,
  reply: nothing,
  failures: aboutOne,
} as const satisfies Operation

export const watchJob = {
  method: "get",
  path: "/v1/jobs/:id/events",
  tag: "Jobs",
  summary: "Follow a job as server-sent events",
  scope: "jobs:read",
  params: byId,
  query: none,
  headers: { "last-event-id": "The id of the last event that arrived; the stream goes on after it." },
  body: nothing,
  status: 200,
  also: { 204: "Nothing more will happen: the last event that arrived was the terminal one" },
  reply: JobEvent,
  media: "text/event-stream",
  failures: aboutOne,
} as const satisfies Operation
