import { writeFile } from "node:fs/promises"
import { parseArgs } from "node:util"

import { batch } from "./batch.ts"
import type { Row } from "./benchmark.ts"
import { depth } from "./depth.ts"
import { eta } from "./eta.ts"
import { fairness } from "./fairness.ts"
import { memory } from "./memory.ts"
import { overhead } from "./overhead.ts"
import { quota } from "./quota.ts"
import { toMarkdown } from "./report.ts"
import { status } from "./status.ts"
import { submit } from "./submit.ts"
import { webhooks } from "./webhooks.ts"
import { worker } from "./worker.ts"

/** Runs all benchmarks, or those that are named: `npm run bench -- submit status --json results.json`. */

const benchmarks = [submit, status, overhead, worker, webhooks, memory, depth, eta, batch, quota, fairness]
const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "string" } } })
const unknown = positionals.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name))
if (unknown.length > 0) {
  throw new Error(
    `No benchmark ${unknown.join(", ")}; known: ${benchmarks.map(({ name }) => name).join(", ")}`,
  )
}

const startedAt = performance.now()
const rows: Row[] = []
for (const { name, compares, run } of benchmarks) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  print(`${name}: ${compares}`)
  try {
    rows.push(...(await run((line) => print(`  ${elapsed()} ${line}`))))
  } catch (error) {
    // The others still have something to say.
    process.exitCode = 1
    console.error(error)
  }
}
print(`\n${toMarkdown(rows)}`)
if (values.json) await writeFile(values.json, `${JSON.stringify(rows, null, 2)}\n`)

function elapsed(): string {
  const seconds = Math.round((performance.now() - startedAt) / 1_000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
