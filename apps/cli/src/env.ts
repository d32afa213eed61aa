import { z } from "zod"

/** What `kiln` reads from the environment; flags say the same and come first. */
export const cliEnv = {
  KILN_URL: z.string().default("http://127.0.0.1:8787").describe("where Kiln is"),
  KILN_API_KEY: z.string().optional().describe("API key"),
  KILN_DATA_DIR: z
    .string()
    .default(".kiln")
    .describe("data folder of a Kiln on this machine, for its first API key"),
}

export type CliEnv = z.infer<z.ZodObject<typeof cliEnv>>
