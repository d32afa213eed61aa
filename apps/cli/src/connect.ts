import { readFile } from "node:fs/promises"
import { join, resolve } from "node:path"

import { createClient, type Client } from "@kiln/client"

import type { CliEnv } from "./env.ts"
import { UsageError } from "./exit-codes.ts"

export type Connection = { url: string; client: Client }
type Options = { url?: string | undefined; key?: string | undefined; retries?: number | undefined }

/** Where Kiln is and who asks: by flags, by the environment, or by the data folder of a Kiln on this machine. */
export async function connect(options: Options, env: CliEnv, root: string): Promise<Connection> {
  const url = options.url ?? env.KILN_URL
  if (!URL.canParse(url)) throw new UsageError(`${url} is no URL`)
  const key = options.key ?? env.KILN_API_KEY ?? (await keyOfStack(url, resolve(root, env.KILN_DATA_DIR)))
  if (key === undefined) throw new UsageError("No API key: give one with --key or KILN_API_KEY")
  const { retries } = options
  return { url, client: createClient({ baseUrl: url, key, ...(retries === undefined ? {} : { retries }) }) }
}

const loopback = new Set(["127.0.0.1", "localhost", "[::1]"])

/** It has every right, so it is sent to this machine only. */
async function keyOfStack(url: string, folder: string): Promise<string | undefined> {
  if (!loopback.has(new URL(url).hostname)) return undefined
  try {
    return (await readFile(join(folder, "admin.key"), "utf8")).trim()
  } catch {
    return undefined
  }
}
