import { spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../../", import.meta.url))
const mostOutput = 400_000

/** A process of Kiln as it runs in production, with what it printed. */
export type RunningProcess = AsyncDisposable & {
  pid: number
  output(): string
  /** Resolves when the output matches; rejects when the process ends before. */
  printed(pattern: RegExp): Promise<void>
  kill(signal: NodeJS.Signals): void
  /** The exit code; null when a signal ended it. */
  exited: Promise<number | null>
}

/** Of the caller's environment: where things are, and where all tests' processes share compiled code. */
export const inherited = Object.fromEntries(
  ["PATH", "HOME", "NODE_COMPILE_CACHE"].flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value]]
  }),
)

/** Starts `main` (a path in the repository) with this environment and nothing else of the caller's but `inherited`. */
export function startProcess(main: string, env: Record<string, string>): RunningProcess {
  const child = spawn(process.execPath, [main], {
    cwd: root,
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const { output, listeners } = collect(child)
  const exited = once(child, "exit").then(([code]) => code as number | null)
  return {
    pid: child.pid ?? 0,
    output,
    exited,
    kill: (signal) => void child.kill(signal),
    async printed(pattern) {
      if (pattern.test(output())) return
      const { promise, resolve } = Promise.withResolvers<void>()
      const look = () => {
        if (pattern.test(output())) resolve()
      }
      listeners.add(look)
      const ended = exited.then((code) => {
        throw new Error(`${main} ended with ${code}:\n${output()}`)
      })
      await Promise.race([promise, ended]).finally(() => listeners.delete(look))
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL")
      await exited
    },
  }
}

function collect(child: ChildProcess) {
  let text = ""
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(-mostOutput)
      for (const listener of listeners) listener()
    })
  }
  return { output: () => text, listeners }
}
