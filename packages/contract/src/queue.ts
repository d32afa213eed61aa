import { z } from "zod"

import { ModelLimits } from "./model.ts"

/** What is known of one key of the upstream with one model. */
const QueueAccount = z.strictObject({
  account: z
    .string()
    .describe("A hash of the key and its address, never the key; the workers' logs name it so."),
  model: z.string(),
  calls: z.int().describe("Calls in the last window."),
  limit: z.int().nullable().describe("Calls that a window takes, as told or learned; null: not known."),
  window_seconds: z.number(),
  calls_today: z.int().describe("Since midnight in California."),
  blocked_by: z.string().nullable().describe("Why it takes no calls now."),
  blocked_until: z.iso.datetime().nullable().describe("When it takes calls, or is tried, again."),
})

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
    accounts: z
      .array(QueueAccount)
      .describe("Each key of the upstream with each model that is called with it, as the workers know them."),
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

/** Which accounts of the upstream are to be tried again; all when nothing is said. */
export const ResumeQueueRequest = z
  .strictObject({
    account: z.string().max(64).optional().describe("As `GET /v1/queue` names it."),
    model: z.string().max(200).optional(),
  })
  .optional()

export const ResumedQueue = z.strictObject({
  object: z.literal("queue_resumed"),
  accounts: z.int().describe("Accounts that were parked and take calls again."),
  jobs: z.int().describe("Jobs that waited for a time because of them and wait for their turn now."),
})
export type ResumedQueue = z.infer<typeof ResumedQueue>
