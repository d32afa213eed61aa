import autocannon from "autocannon"

import { cpuMs } from "./process-usage.ts"

export type Load = { perSecond: number; cpuMsPerRequest: number }

type Options = {
  url: string
  method: "GET" | "POST"
  headers?: Record<string, string>
  body?: string
  /** The server's process, whose processor time is counted. */
  pid: number
}

const connections = 32
const warmUpSeconds = 1
const seconds = 3
/** Throughput on a machine that others use needs more rounds than the rest. */
export const loadRounds = 7

/** Asks a server as fast as it answers over 32 connections. Throws when an answer is not a success. */
export async function load({ pid, ...request }: Options): Promise<Load> {
  await autocannon({ ...request, connections, duration: warmUpSeconds })
  const cpuBefore = cpuMs(pid)
  const result = await autocannon({ ...request, connections, duration: seconds })
  const cpuUsedMs = cpuMs(pid) - cpuBefore
  const failed = result.errors + result.timeouts + result.non2xx
  if (failed > 0) throw new Error(`${failed} requests to ${request.url} failed`)
  return { perSecond: result["2xx"] / result.duration, cpuMsPerRequest: cpuUsedMs / result["2xx"] }
}

export const showLoad = ({ perSecond, cpuMsPerRequest }: Load): string =>
  `${perSecond.toFixed(0)} requests/s, ${cpuMsPerRequest.toFixed(3)} ms CPU each`
