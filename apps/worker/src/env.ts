import { processEnv } from "@kiln/runtime"
import { storageEnv } from "@kiln/storage"
import { z } from "zod"

/** Every variable that the worker reads. */
export const workerEnv = {
  ...processEnv,
  ...storageEnv,
  GEMINI_API_KEY: z.string().min(1).describe("Key of the upstream, or several separated by commas"),
  GEMINI_BASE_URL: z
    .url()
    .default("https://generativelanguage.googleapis.com")
    .describe("Google's endpoint or a gateway"),
  GEMINI_API_VERSION: z.string().default("v1beta").describe("Version segment of the upstream's paths"),
  KILN_CONCURRENCY: z.coerce.number().int().min(1).max(1_000).default(32).describe("Jobs in flight a worker"),
  KILN_UPSTREAM_TIMEOUT: z.coerce
    .number()
    .positive()
    .default(300)
    .describe("Seconds that one upstream call may take"),
  KILN_OVERLOAD_PAUSE: z.coerce
    .number()
    .positive()
    .max(300)
    .default(10)
    .describe(
      "Seconds that a model first rests after repeated overload; each further rest doubles, up to 300",
    ),
  KILN_WORKER_HOST: z.string().default("127.0.0.1").describe("Where the worker's health is served"),
  KILN_WORKER_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe("Port of the worker's `/healthz`, `/readyz` and `/metrics`; absent: not served"),
}
