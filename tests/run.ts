import { globSync } from "node:fs"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"

import { compileMains, shareCompiledCode } from "./compile-cache.ts"
import type { TestRecord } from "./reporter.ts"
import { type Group, type GroupResult, runGroup } from "./run-group.ts"

/** Runs all tests, or those whose path contains one of the arguments; the last line counts them. */

const UNITS = ["packages/*/src/**/*.test.ts", "apps/*/src/**/*.test.ts"]
/** They wait for locks and leases to end more than for a processor. */
const CHAOS = "tests/chaos/**/*.test.ts"
const SYSTEM = ["journeys", "house"].map((folder) => `tests/${folder}/**/*.test.ts`)

process.chdir(fileURLToPath(new URL("..", import.meta.url)))
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130))

/** Three groups run at once: one that waits beside two that compute, as long as there are both. */
const waiting = find([CHAOS]).map(alone)
const computing = [...SYSTEM.flatMap((files) => find([files])).map(alone), ...unitGroups()]
shareCompiledCode()
if (waiting.length + computing.length > 1) await compileMains()
const records: TestRecord[] = []
await Promise.all([work(waiting, computing), work(computing, waiting), work(computing, waiting)])
report()

async function work(first: Group[], then: Group[]): Promise<void> {
  const next = () => first.shift() ?? then.shift()
  for (let group = next(); group !== undefined; group = next()) {
    const result = await runGroup(group)
    records.push(...result.records)
    showProgress(group, result)
  }
}

function alone(file: string): Group {
  return { files: [file] }
}

/**
 * The units of a package share a process: they are small, and starting one costs more than most of them. Those of large
 * packages go first, so that at the end no group is waited for long.
 */
function unitGroups(): Group[] {
  const packages = Map.groupBy(find(UNITS), (file) => file.split("/").slice(0, 2).join("/"))
  return packages
    .values()
    .map((files) => ({ files }))
    .toArray()
    .toSorted((a, b) => b.files.length - a.files.length)
}

function find(patterns: string[]): string[] {
  const wanted = process.argv.slice(2)
  return globSync(patterns)
    .filter((file) => !file.includes("node_modules"))
    .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
    .toSorted((a, b) => dirname(a).localeCompare(dirname(b)) || a.localeCompare(b))
}

function showProgress({ files }: Group, { records: ended, ms, output }: GroupResult): void {
  for (const file of files) {
    const own = ended.filter((record) => record.file === file)
    const ownMs = files.length === 1 ? ms : own.reduce((sum, record) => sum + record.ms, 0)
    const mark = own.some(({ outcome }) => outcome === "failed") ? "✖" : "✔"
    print(`${mark} ${file}  ${summary(own)}  ${(ownMs / 1000).toFixed(1)} s`)
  }
  const isBad = ended.some(({ outcome }) => outcome === "failed")
  if (isBad && output.trim() !== "") print(indent(output.trimEnd().split("\n").slice(-40).join("\n")))
}

function report(): void {
  const failed = records.filter(({ outcome }) => outcome === "failed")
  for (const { file, name, error } of failed) print(`\n✖ ${file}: ${name}\n${indent(error ?? "")}`)
  print(`\n${summary(records)}`)
  process.exitCode = failed.length > 0 || count(records, "passed") === 0 ? 1 : 0
}

function summary(of: readonly TestRecord[]): string {
  const skipped = count(of, "skipped")
  return `${count(of, "passed")} passed, ${count(of, "failed")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`
}

function count(of: readonly TestRecord[], outcome: TestRecord["outcome"]): number {
  return of.filter((record) => record.outcome === outcome).length
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "    ")
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
