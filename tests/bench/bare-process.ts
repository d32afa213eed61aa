import { fileURLToPath } from "node:url"

import { startProcess, type RunningProcess } from "../world/running-process.ts"

/** Starts a file as a process, and waits until it says where it listens. */
export async function startListening(
  file: URL,
  env: Record<string, string> = {},
): Promise<RunningProcess & { url: string }> {
  const running = startProcess(fileURLToPath(file), env)
  await running.printed(/listening on \S+/)
  const url = /listening on (\S+)/.exec(running.output())?.[1] ?? ""
  return { ...running, url }
}

/** What ioredis takes for a socket. */
export const socketOf = (redisUrl: string): string => redisUrl.replace(/^unix:\/\//, "")
