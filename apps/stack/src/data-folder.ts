import { mkdir } from "node:fs/promises"
import { join } from "node:path"

import { loadOrCreateSecret } from "@kiln/runtime"

import type { StackEnv } from "./env.ts"
import { lockFolder } from "./lock.ts"
import { type LogFile, openLogFile } from "./log-file.ts"

export type DataFolder = AsyncDisposable & {
  readonly path: string
  readonly adminKey: string
  readonly secretKey: string
  openLog: (name: string) => LogFile
}

/** Takes the data folder for this process and makes the keys that the environment does not give. */
export async function openDataFolder(path: string, env: StackEnv): Promise<DataFolder> {
  await using opened = new AsyncDisposableStack()
  opened.use(await lockFolder(path))
  await mkdir(join(path, "logs"), { recursive: true })
  const make = (name: string, prefix: string) => loadOrCreateSecret({ folder: path, name, bytes: 24, prefix })
  const adminKey = env.KILN_ADMIN_KEY ?? (await make("admin.key", "kiln_sk_"))
  const secretKey = env.KILN_SECRET_KEY ?? (await make("secret.key", ""))
  const kept = opened.move()
  return {
    path,
    adminKey,
    secretKey,
    openLog: (name) => kept.use(openLogFile(join(path, "logs", `${name}.log`))),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
