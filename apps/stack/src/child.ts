import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { setTimeout as delay } from "node:timers/promises"

import { errorIn } from "./error-in.ts"
import { lastWords } from "./last-words.ts"
import type { LogFile } from "./log-file.ts"

export type ChildOptions = {
  name: string
  command: string
  args: readonly string[]
  env: NodeJS.ProcessEnv
  log: LogFile
  /** After this many milliseconds a child that was told to stop is killed. */
  stopWithinMs: number
  /** A child that ends before this says yes has failed to start: it is not started again. */
  isUp: () => boolean
  onFailedStart: (error: Error) => void
  say: (line: string) => void
  /** Milliseconds before a restart, after so many deaths in a row. */
  pauseMs?: (deaths: number) => number
}

export type SupervisedChild = AsyncDisposable & { readonly pid: () => number | undefined }

/** A child that lived as long as a boot and a job did not die of its boot: the next pause is short again. */
const HEALTHY_MS = 120_000

/** 1 s, 2 s, 4 s … 30 s. */
const backOff = (deaths: number) => Math.min(1000 * 2 ** (deaths - 1), 30_000)

/**
 * Runs a process, keeps its output in a log file, starts it again when it dies, and stops it on disposal. The process
 * has a pipe on file descriptor 3 that closes when we die.
 */
export function superviseChild(options: ChildOptions): SupervisedChild {
  const stopping = new AbortController()
  let current: ChildProcess | undefined
  const living = supervise(options, stopping.signal, (child) => {
    current = child
  })
  return {
    pid: () => current?.pid,
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      current?.kill("SIGTERM")
      const timer = setTimeout(() => current?.kill("SIGKILL"), options.stopWithinMs)
      await living
      clearTimeout(timer)
    },
  }
}

async function supervise(
  options: ChildOptions,
  stopping: AbortSignal,
  onStart: (child: ChildProcess | undefined) => void,
): Promise<void> {
  const { name, log, say, pauseMs = backOff } = options
  let deaths = 0
  while (!stopping.aborted) {
    const startedAt = Date.now()
    const child = launch(options)
    onStart(child)
    const end = await ended(child)
    onStart(undefined)
    if (stopping.aborted) return
    if (!options.isUp()) {
      options.onFailedStart(new Error(`${name} did not start (${end}): ${lastWords(log.tail())}`))
      return
    }
    deaths = Date.now() - startedAt > HEALTHY_MS ? 1 : deaths + 1
    const pause = pauseMs(deaths)
    say(`${name} ended (${end}) and is started again in ${pause / 1000} s; its log is ${log.path}`)
    await delay(pause, undefined, { signal: stopping }).catch(() => {})
  }
}

function launch({ name, command, args, env, log, say }: ChildOptions): ChildProcess {
  // In a group of its own: a Ctrl-C reaches us alone, and we stop the children in order.
  const child = spawn(command, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe", "pipe"] })
  const channel = child.stdio[3]
  channel?.on("error", () => {})
  child.once("exit", () => channel?.destroy())
  let lastSaid = ""
  const onLine = (line: string) => {
    log.write(line)
    const error = errorIn(line)
    if (error === undefined || error === lastSaid) return
    lastSaid = error
    say(`${name}: ${error}`)
  }
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on("line", onLine)
  }
  return child
}

async function ended(child: ChildProcess): Promise<string> {
  try {
    await once(child, "close")
    return child.signalCode ?? `code ${child.exitCode}`
  } catch (error) {
    return error instanceof Error ? error.message : "not startable"
  }
}
