import { once } from "node:events"
import { createInterface } from "node:readline/promises"

export type Terminal = {
  /** What was asked for, on stdout: as JSON, or as text for people. */
  result(value: unknown, text: string): void
  /** A piece of what was asked for, as it is. */
  raw(text: string | Uint8Array): Promise<void>
  /** What goes on, on stderr. */
  say(text: string): void
  /** One line that replaces itself on a terminal; elsewhere a line now and then. */
  progress(render: (columns: number) => string): void
  /** Ends the line of `progress`. */
  endProgress(): void
  /** Yes where nobody is there to be asked. */
  confirm(question: string, signal: AbortSignal): Promise<boolean>
}

type Options = {
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  stdin: NodeJS.ReadStream
  isJson: boolean
  isQuiet: boolean
  now?: () => number
}

/** How often something that is no terminal, such as a log, is told of progress. */
const logEveryMs = 10_000
const usualColumns = 80
const clearLine = "\r\u001B[K"

export function createTerminal({
  stdout,
  stderr,
  stdin,
  isJson,
  isQuiet,
  now = Date.now,
}: Options): Terminal {
  let isOpen = false
  let lastSaid = ""
  let lastAt = Number.NEGATIVE_INFINITY
  const endProgress = () => {
    if (isOpen) stderr.write("\n")
    isOpen = false
  }
  return {
    result(value, text) {
      endProgress()
      if (isJson) stdout.write(`${JSON.stringify(value, null, 2)}\n`)
      else if (text !== "") stdout.write(`${text}\n`)
    },
    async raw(text) {
      if (stdout.write(text)) return
      await new Promise<void>((resolve) => stdout.once("drain", resolve))
    },
    say(text) {
      endProgress()
      stderr.write(`${text}\n`)
    },
    progress(render) {
      if (isQuiet) return
      if (stderr.isTTY) {
        isOpen = true
        // A terminal that does not say how wide it is says 0.
        stderr.write(clearLine + render(stderr.columns > 0 ? stderr.columns : usualColumns))
        return
      }
      const line = render(120)
      if (line === lastSaid || now() - lastAt < logEveryMs) return
      lastSaid = line
      lastAt = now()
      stderr.write(`${line}\n`)
    },
    endProgress,
    async confirm(question, signal) {
      endProgress()
      if (!stdin.isTTY || !stderr.isTTY) return true
      // The terminal edits the line itself, so that Ctrl-C reaches the process.
      const asking = createInterface({ input: stdin, output: stderr, terminal: false })
      const closed = once(asking, "close").then(() => "")
      try {
        const answer = await Promise.race([asking.question(`${question} [y/N] `, { signal }), closed])
        return /^y(es)?$/i.test(answer.trim())
      } finally {
        asking.close()
      }
    },
  }
}
