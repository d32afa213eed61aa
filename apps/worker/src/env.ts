import { processEnv, viewEnv } from "@kiln/runtime"
import { storageEnv } from "@kiln/storage"
import { ScheduleText } from "@kiln/webhooks"
import { z } from "zod"

const limit = z.coerce.number().int().min(0).optional()

/** Every variable that the worker reads. */
export const workerEnv = {
  ...processEnv,
  ...storageEnv,
  ...viewEnv,
  GEMINI_API_KEY: z.string().min(1).describe("Key of the upstream, or several separated by commas"),
  GEMINI_BASE_URL: z
    .url()
    .default("https://generativelanguage.googleapis.com")
    .describe("Google's endpoint or a gateway"),
  GEMINI_API_VERSION: z.string().default("v1beta").describe("Version segment of the upstream's paths"),
  KILN_CONCURRENCY: z.coerce.number().int().min(1).max(1_000).default(32).describe("Jobs in flight a worker"),
  KILN_SPOOL_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(5_000_000_000)
    .describe(
      "Bytes of images on their way to storage in the data folder's `spool` from which on nothing more is called",
    ),
  KILN_KEEP_CONVERSATIONS: z
    .stringbool()
    .default(true)
    .describe("Keep what models say with images, for refining them: an object more an image"),
  KILN_UPSTREAM_TIMEOUT: z.coerce
    .number()
    .positive()
    .default(300)
    .describe("Seconds that one upstream call may take"),
  KILN_MODEL_CHECK: z.coerce
    .number()
    .min(0)
    .max(86_400)
    .default(3_600)
    .describe("Seconds between asking the upstream which models it still serves; 0: it is never asked"),
  KILN_RPM: limit.describe(
    "Calls a minute that the upstream takes of each key and model, over the registry's; 0 or absent: the registry's, or learned",
  ),
  KILN_RPD: limit.describe("The same a day, to midnight in California"),
  KILN_QUOTA_WINDOW: z.coerce
    .number()
    .min(0.5)
    .max(3_600)
    .default(60)
    .describe("Seconds of the window that KILN_RPM counts in, for gateways with another one than Google's"),
  KILN_OVERLOAD_PAUSE: z.coerce
    .number()
    .positive()
    .max(300)
    .default(10)
    .describe(
      "Seconds that a model first rests after repeated overload; each further rest doubles, up to 300",
    ),
  KILN_WEBHOOK_SCHEDULE: ScheduleText.describe("Seconds before each try of a webhook"),
  KILN_WEBHOOK_TIMEOUT: z.coerce
    .number()
    .positive()
    .max(60)
    .default(15)
    .describe("Seconds that a webhook's receiver has for its answer"),
  KILN_WEBHOOK_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(5_000)
    .default(256)
    .describe("Webhooks on their way at once, a worker"),
  KILN_WEBHOOK_ENDPOINT_CONCURRENCY: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(16)
    .describe("Webhooks on their way to one endpoint at once, of all workers; one while it fails"),
  KILN_WORKER_HOST: z.string().default("127.0.0.1").describe("Where the worker's health is served"),
  KILN_WORKER_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe("Port of the worker's `/healthz`, `/readyz` and `/metrics`; absent: not served"),
}
