import { z } from "zod"

import { idOf } from "./ids.ts"
import { Job, type TerminalStatus } from "./job.ts"

export const jobEventTypes = [
  "job.queued",
  "job.started",
  "job.output",
  "job.succeeded",
  "job.failed",
  "job.canceled",
  "job.expired",
] as const
export const JobEventType = z.enum(jobEventTypes)
export type JobEventType = z.infer<typeof JobEventType>

export const terminalEvent = {
  succeeded: "job.succeeded",
  failed: "job.failed",
  canceled: "job.canceled",
  expired: "job.expired",
} as const satisfies Record<TerminalStatus, JobEventType>

/** One thing that happened to a job. `data` is the job as it is when the event is sent. */
export const JobEvent = z
  .strictObject({ id: idOf("evt"), type: JobEventType, timestamp: z.iso.datetime(), data: Job })
  .describe("Something that happened to a job.")
export type JobEvent = z.infer<typeof JobEvent>
