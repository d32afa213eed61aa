import { type DestinationStream, type Logger, pino } from "pino"

export type { Logger }

const SECRET_NAMES = [
  "authorization",
  "Authorization",
  "x-goog-api-key",
  "apiKey",
  "key",
  "secret",
  "token",
  "password",
]

/** Objects are logged a few levels deep at most; below the fourth nothing of ours is nested. */
const DEPTHS = ["", "*.", "*.*.", "*.*.*."]

/** The arguments of a failed Redis command may hold anything, AUTH's password included. */
const REDACTED = [
  ...DEPTHS.flatMap((depth) => SECRET_NAMES.map((name) => join(depth, name))),
  "err.command.args",
]

/** JSON lines on stdout; what is named like a secret is replaced by `[redacted]`. */
export function createLogger({
  name,
  level = "info",
  destination,
}: {
  name: string
  level?: string
  destination?: DestinationStream
}): Logger {
  const options = { name, level, redact: { paths: REDACTED, censor: "[redacted]" } }
  return pino(options, destination ?? openStdout())
}

const mostHeld = 64 * 1024
const longestHeldMs = 50

/**
 * Stdout, written aside and in pieces: a process that serves requests neither waits for its lines nor asks the system
 * for each of them. Fatal ones and an exit write all that is held.
 */
function openStdout(): DestinationStream & { flushSync(): void } {
  const stdout = pino.destination({ dest: 1, sync: false })
  let held = ""
  let timer: NodeJS.Timeout | undefined

  function pass(): void {
    clearTimeout(timer)
    timer = undefined
    if (held !== "") stdout.write(held)
    held = ""
  }

  function flushSync(): void {
    stdout.flushSync()
    if (held !== "") pino.destination({ dest: 1, sync: true }).write(held)
    held = ""
  }

  process.once("exit", flushSync)
  return {
    write(line) {
      held += line
      if (held.length >= mostHeld) pass()
      else timer ??= setTimeout(pass, longestHeldMs).unref()
    },
    flushSync,
  }
}

/** Replaces each secret in a text, also where it is percent-encoded, as in a URL. */
export function redactText(text: string, secrets: readonly string[]): string {
  const forms = secrets.flatMap((secret) => (secret === "" ? [] : [secret, encodeURIComponent(secret)]))
  const longestFirst = forms.toSorted((a, b) => b.length - a.length)
  return longestFirst.reduce((redacted, secret) => redacted.replaceAll(secret, "[redacted]"), text)
}

function join(depth: string, name: string): string {
  return name.includes("-") ? `${depth.replace(/\.$/, "")}["${name}"]` : `${depth}${name}`
}
