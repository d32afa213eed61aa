import { redisEnv, redisUrl } from "@kiln/runtime"
import { z } from "zod"

/** What `npm start` itself reads; all else in the environment goes to the API and the workers as it is. */
export const stackEnv = {
  KILN_HOST: z.string().default("127.0.0.1").describe("address that the API listens on"),
  KILN_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8787)
    .describe("port that the API listens on; 0 takes a free one"),
  KILN_PUBLIC_URL: z.string().optional().describe("what links start with; without it host and port"),
  KILN_DATA_DIR: z.string().default(".kiln").describe("folder of the embedded Redis, images, keys and logs"),
  REDIS_URL: redisUrl.optional().describe("Redis to use; without it one is started"),
  ...redisEnv,
  KILN_STORAGE: z.string().optional().describe("where images are kept; without it in the data folder"),
  GEMINI_API_KEY: z.string().optional().describe("key of the Gemini API; without it the emulator paints"),
  GEMINI_BASE_URL: z.string().optional().describe("another address of the Gemini API"),
  KILN_ADMIN_KEY: z.string().optional().describe("first API key; without it one is made and kept"),
  KILN_SECRET_KEY: z.string().optional().describe("seals stored secrets; without it one is made and kept"),
  KILN_WORKERS: z.coerce.number().int().min(1).max(64).default(1).describe("number of worker processes"),
  KILN_WORKER_PORT: z.coerce
    .number()
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe(
      "port of the first worker's health and metrics, the next worker takes the next; without it they are not served",
    ),
  KILN_GRACE: z.coerce.number().min(1).max(3600).default(30).describe("seconds to finish on SIGTERM"),
}

export type StackEnv = z.infer<z.ZodObject<typeof stackEnv>>
