import { processEnv } from "@kiln/runtime"
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
  KILN_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("What the API's own links start with; absent: host and port"),
  ...processEnv,
  ...storageEnv,
  KILN_URL_TTL: z.coerce
    .number()
    .int()
    .min(60)
    .max(432_000)
    .default(3_600)
    .describe("Seconds that a signed URL lives at least; it may live a quarter longer"),
  KILN_ADMIN_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{16,256}$/, "must be 16 to 256 characters without spaces")
    .optional()
    .describe("First API key, with every scope; absent: made and kept as `admin.key` in the data folder"),
  KILN_SECRET_KEY: z
    .string()
    .min(16)
    .optional()
    .describe("Signs the links to files on disk; absent: made and kept as `secret.key` in the data folder"),
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
