import { z } from "zod"

import { ModelLimits } from "./model.ts"

/** What waits, who works, and what holds it up. */
export const QueueReport = z
  .strictObject({
    object: z.literal("queue"),
    depth: z.int().describe("Jobs that wait, for their turn or for a time."),
    later: z.int().describe("Of these, jobs that wait for a time: `not_before`, or the next attempt."),
    out: z.int().describe("Jobs that are with the workers or on their way to them."),
    running: z.int(),
    oldest_seconds: z.number().nullable().describe("Age of the oldest job that waits for its turn."),
    jobs_per_minute: z.number().describe("Jobs that ended, over about the last minute."),
    workers: z.strictObject({
      alive: z.int(),
      slots: z.int().describe("Jobs that all of them run at once."),
      starved: z.int().describe("Workers that have taken none of what waits for them for a while."),
    }),
    models: z.array(
      z.strictObject({
        model: z.string(),
        waiting: z.int(),
        oldest_seconds: z.number().nullable(),
        seconds_per_job: z.number().nullable().describe("How long a job keeps a slot; null: not known yet."),
        blocked_by: z.string().nullable().describe("Why none of its jobs may start now."),
        blocked_until: z.iso.datetime().nullable(),
        limits: ModelLimits.nullable().describe(
          "What the upstream allows; null: not in the registry any more.",
        ),
      }),
    ),
    tenants: z
      .array(
        z.strictObject({
          tenant: z.string(),
          waiting: z.int(),
          out: z.int(),
          weight: z.number(),
          parallel_jobs: z.int().nullable(),
        }),
      )
      .describe("Tenants with jobs that wait for their turn, the next ones first; at most 200."),
  })
  .describe("The whole queue at one moment.")
export type QueueReport = z.infer<typeof QueueReport>
