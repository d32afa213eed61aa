import { z } from "zod"

import { readHosts } from "./redis-address.ts"

export const redisUrl = z
  .string()
  .regex(/^(rediss?|unix|redis\+unix):\/\/./, "must start with redis://, rediss:// or unix://")

const days = z.coerce.number().positive()

const mayBePrivate = z.enum(["inputs", "webhooks"])

/** How the Redis of `REDIS_URL` is run. */
export const redisEnv = {
  REDIS_CLUSTER: z
    .enum(["0", "1"])
    .default("0")
    .transform((flag) => flag === "1")
    .describe("`1`: `REDIS_URL` names nodes of a Redis Cluster, several by commas"),
  REDIS_SENTINELS: z
    .string()
    .optional()
    .transform((text) => (text === undefined ? undefined : readHosts(text, 26_379)))
    .describe(
      "Sentinels that know the master, as `host:port` by commas; `REDIS_URL` still gives user and database",
    ),
  REDIS_SENTINEL_NAME: z.string().min(1).default("mymaster").describe("Name of the master at the sentinels"),
}

/** The variables of every process that works on jobs. */
export const processEnv = {
  REDIS_URL: redisUrl.describe("Redis of the ledger and the queue: `redis://`, `rediss://` or `unix://`"),
  ...redisEnv,
  KILN_REDIS_PREFIX: z
    .string()
    .regex(/^[a-z0-9_-]+$/)
    .default("kiln")
    .describe("Prefix of all keys in Redis"),
  KILN_DATA_DIR: z.string().min(1).default(".kiln").describe("Folder for what is kept on this machine"),
  KILN_MODELS: z.string().optional().describe("Path of a JSON model registry that adds to the built-in one"),
  KILN_DEFAULT_MODEL: z
    .string()
    .default("gemini-nano-banana-2.1")
    .describe("Model of requests that name none"),
  KILN_RETENTION_DAYS: days.default(30).describe("Days that finished jobs are kept"),
  KILN_IMAGE_RETENTION_DAYS: days.optional().describe("Days that images are kept; absent: until deleted"),
  KILN_ALLOW_PRIVATE: z
    .string()
    .default("")
    .transform((names) => names.split(",").flatMap((name) => name.trim() || []))
    .pipe(z.array(mayBePrivate))
    .describe(
      "What may reach private addresses, by commas: `inputs` (images that callers name), `webhooks` (with plain http)",
    ),
  KILN_METRICS_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{16,256}$/, "must be 16 to 256 characters without spaces")
    .optional()
    .describe("Bearer token for `/metrics`; absent: an admin key for the API's, none for the worker's"),
  KILN_STUCK_AFTER: z.coerce
    .number()
    .positive()
    .default(60)
    .describe("Seconds after which a worker that takes none of the waiting jobs is not ready"),
  KILN_GRACE: z.coerce.number().min(0).max(3_600).default(30).describe("Seconds to finish on SIGTERM"),
  KILN_LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
    .default("info")
    .describe("Least level of log lines"),
}

/** The variables of every process that tells of jobs. */
export const viewEnv = {
  KILN_PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("What Kiln's links start with; absent: host and port, in webhooks `http://127.0.0.1:8787`"),
  KILN_URL_TTL: z.coerce
    .number()
    .int()
    .min(60)
    .max(432_000)
    .default(3_600)
    .describe("Seconds that a signed URL lives at least; it may live a quarter longer"),
  KILN_SECRET_KEY: z
    .string()
    .min(16)
    .optional()
    .describe(
      "Seals webhook secrets and signs links to files on disk, the same in all processes; absent: made and kept as `secret.key` in the data folder",
    ),
}
