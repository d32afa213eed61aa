import { z } from "zod"

import { Estimate, EstimateRequest } from "../estimate.ts"
import type { Operation } from "../operation.ts"
import { QueueReport, ResumedQueue, ResumeQueueRequest } from "../queue.ts"

const none = z.strictObject({})

export const getQueue = {
  method: "get",
  path: "/v1/queue",
  tag: "Operation",
  summary: "See what waits, who works and what holds it up",
  scope: "admin",
  params: none,
  query: none,
  body: z.undefined(),
  status: 200,
  reply: QueueReport,
  failures: [],
} as const satisfies Operation

export const resumeQueue = {
  method: "post",
  path: "/v1/queue/resume",
  tag: "Operation",
  summary: "Try parked keys of the upstream again now: their billing, quota or permission has been mended",
  scope: "admin",
  params: none,
  query: none,
  body: ResumeQueueRequest,
  status: 200,
  reply: ResumedQueue,
  failures: [],
} as const satisfies Operation

export const createEstimate = {
  method: "post",
  path: "/v1/estimates",
  tag: "Jobs",
  summary: "See what a request, or a file of rows, would cost and how long it would take; nothing is created",
  scope: "jobs:read",
  params: none,
  query: none,
  body: EstimateRequest,
  upload: "file",
  status: 200,
  reply: Estimate,
  failures: ["batch_invalid"],
} as const satisfies Operation
