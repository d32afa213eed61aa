import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

import type { TestRecord } from "./reporter.ts"

/** Files that share one process. */
export type Group = { files: readonly string[] }

export type GroupResult = {
  records: TestRecord[]
  ms: number
  /** The last output of the processes, kept to explain a failure. */
  output: string
}

/** A file's own limit; none of ours takes half of it on a machine that has nothing else to do. */
const FILE_TIMEOUT_MS = 240_000
/** Where processes are killed, most of the time is starting them anew and waiting until locks and leases have run out. */
const CHAOS_TIMEOUT_MS = 600_000
const LONGEST_OUTPUT = 20_000

const running = new Set<ChildProcess>()
process.on("exit", () => running.forEach(killTree))

/** Runs test files in a process of their own. A crash, a time-out or a file without tests is a failed test. */
export async function runGroup({ files }: Group): Promise<GroupResult> {
  const folder = await mkdtemp(join(tmpdir(), "kiln-tests-"))
  const startedAt = Date.now()
  try {
    const reports = join(folder, "reports")
    const { problem, output } = await runNode(files, reports)
    const records = await readRecords(reports)
    const ms = Date.now() - startedAt
    return { records: [...records, ...missing({ files, records, problem, ms })], ms, output }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function runNode(
  files: readonly string[],
  reports: string,
): Promise<{ problem?: string; output: string }> {
  const reporter = [
    `--test-reporter=${import.meta.resolve("./reporter.ts")}`,
    `--test-reporter-destination=${reports}`,
  ]
  const { NODE_TEST_CONTEXT: _inherited, ...env } = process.env
  // In a group of its own, so that whatever a hanging test has started can be killed with it.
  const child = spawn(process.execPath, ["--test", "--test-isolation=none", ...reporter, ...files], {
    detached: true,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  })
  running.add(child)
  let output = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-LONGEST_OUTPUT)
    })
  }
  let isLate = false
  const limitMs = files.some((file) => file.startsWith("tests/chaos/")) ? CHAOS_TIMEOUT_MS : FILE_TIMEOUT_MS
  const timer = setTimeout(() => {
    isLate = true
    killTree(child)
  }, limitMs)
  await once(child, "exit")
  clearTimeout(timer)
  killTree(child)
  running.delete(child)
  if (isLate) return { problem: `did not end in ${limitMs / 1000} s`, output }
  if (child.exitCode === 0) return { output }
  return { problem: `crashed (${child.signalCode ?? `code ${child.exitCode}`})`, output }
}

async function readRecords(reports: string): Promise<TestRecord[]> {
  const text = await readFile(reports, "utf8").catch(() => "")
  return text
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as TestRecord)
}

/** What the reporter could not tell: files that left no test, and a process that ended badly without a failed test. */
function missing({
  files,
  records,
  problem,
  ms,
}: {
  files: readonly string[]
  records: readonly TestRecord[]
  problem: string | undefined
  ms: number
}): TestRecord[] {
  const failed = (file: string, error: string): TestRecord => ({
    file,
    name: "(the file)",
    outcome: "failed",
    ms,
    error,
  })
  const silent = files
    .filter((file) => !records.some((record) => record.file === file))
    .map((file) => failed(file, problem ?? "has no test"))
  const isExplained =
    problem === undefined || [...records, ...silent].some(({ outcome }) => outcome === "failed")
  return isExplained ? silent : [failed(files.at(-1) ?? "", problem)]
}

function killTree(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
  } catch {
    // All of them have ended.
  }
}
