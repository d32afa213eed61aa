/** Tells the operator something, on stderr: stdout has the banner only. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** A log for people: errors are told by their message alone. */
export const terminalLog = {
  info: (fields: object, message: string) => say("signal" in fields ? "\nStopping…" : `Kiln has ${message}.`),
  fatal: (fields: object, message: string) => say("err" in fields ? messageOf(fields.err) : message),
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
