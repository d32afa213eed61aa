import { closeSync, existsSync, fstatSync, openSync, renameSync, writeSync } from "node:fs"

export type LogFile = Disposable & {
  readonly path: string
  /** The last lines written in this run. */
  tail: () => string[]
  write: (line: string) => void
}

const TAIL_LINES = 20

/** A file of lines that never outgrows `maxBytes` by more than a line: then it becomes `.1`, replacing the former. */
export function openLogFile(path: string, maxBytes = 10 * 1024 * 1024): LogFile {
  const recent: string[] = []
  let file = openSync(path, "a", 0o600)
  let size = fstatSync(file).size
  const rotate = () => {
    closeSync(file)
    if (existsSync(path)) renameSync(path, `${path}.1`)
    file = openSync(path, "a", 0o600)
    size = 0
  }
  if (size >= maxBytes) rotate()
  return {
    path,
    tail: () => [...recent],
    write: (line) => {
      if (size >= maxBytes) rotate()
      size += writeSync(file, `${line}\n`)
      recent.push(line)
      if (recent.length > TAIL_LINES) recent.shift()
    },
    [Symbol.dispose]: () => closeSync(file),
  }
}
