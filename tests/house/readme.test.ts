import assert from "node:assert/strict"
import { readFile, writeFile } from "node:fs/promises"
import { test } from "node:test"

import { describeEnv, type EnvRow } from "@kiln/runtime"
import type { z } from "zod"

const file = new URL("../../README.md", import.meta.url)
const marked = /<!-- configuration -->[\s\S]*<!-- \/configuration -->/

/** Tests import no app; what an app reads is data, and read as such. */
async function shapeOf(app: string): Promise<z.ZodRawShape> {
  const exported = (await import(import.meta.resolve(`../../apps/${app}/src/env.ts`))) as Record<
    string,
    z.ZodRawShape
  >
  return exported[`${app}Env`] ?? {}
}

/** The variables of both processes, described by the shapes that parse them. */
async function table(): Promise<string> {
  const readers = new Map<string, { row: EnvRow; by: string[] }>()
  for (const process of ["api", "worker"]) {
    for (const row of describeEnv(await shapeOf(process))) {
      const known = readers.get(row.name) ?? { row, by: [] }
      readers.set(row.name, { row: known.row, by: [...known.by, process] })
    }
  }
  const lines = [...readers.values()].map(
    ({ row, by }) => `| \`${row.name}\` | ${row.default || "–"} | ${by.join(", ")} | ${row.description} |`,
  )
  return [
    "<!-- configuration -->",
    "",
    "| variable | default | read by | meaning |",
    "| --- | --- | --- | --- |",
    ...lines,
    "",
    "<!-- /configuration -->",
  ].join("\n")
}

/** The formatter pads the columns of tables. */
const unpadded = (markdown: string) => markdown.replaceAll(/ {2,}/g, " ").replaceAll(/-{3,}/g, "---")

test("README's table of variables is what the processes read (UPDATE_README=1 writes it)", async () => {
  const readme = await readFile(file, "utf8")
  const rows = await table()
  const expected = readme.replace(marked, () => rows)
  if (process.env["UPDATE_README"]) await writeFile(file, expected)
  else assert.equal(unpadded(readme), unpadded(expected))
})
