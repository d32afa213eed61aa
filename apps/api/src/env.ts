import { processEnv, viewEnv } from "@kiln/runtime"
import { storageEnv } from "@kiln/storage"
import { z } from "zod"

/** Every variable that the API reads. */
export const apiEnv = {
  KILN_HOST: z.string().min(1).default("127.0.0.1").describe("Address that the API listens on"),
  KILN_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8787)
    .describe("Port that the API listens on; 0 takes a free one"),
  ...viewEnv,
  ...processEnv,
  ...storageEnv,
  KILN_ADMIN_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{16,256}$/, "must be 16 to 256 characters without spaces")
    .optional()
    .describe("First API key, with every scope; absent: made and kept as `admin.key` in the data folder"),
  KILN_REQUESTS_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(1)
    .default(60_000)
    .describe("Requests that a tenant may make in a minute, unless its own limits say otherwise"),
  KILN_QUEUED_JOBS: z.coerce
    .number()
    .int()
    .min(1)
    .default(500_000)
    .describe("Jobs that a tenant may have waiting, unless its own limits say otherwise"),
  KILN_OPEN_WAITS: z.coerce
    .number()
    .int()
    .min(1)
    .default(1_000)
    .describe("Waits and event streams that a tenant may have open at once, at each API process"),
}
