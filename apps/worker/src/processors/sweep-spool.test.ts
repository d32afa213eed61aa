import assert from "node:assert/strict"
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"

import type { JobRecord } from "@kiln/ledger"

import { sweepSpool } from "./sweep-spool.ts"

const statuses: Record<string, JobRecord["status"]> = {
  job_waits: "queued",
  job_done: "succeeded",
  job_runs: "succeeded",
}
const deps = {
  ledger: {
    read: async (id: string) => (statuses[id] ? ({ status: statuses[id] } as JobRecord) : undefined),
  },
  running: { ids: () => ["job_runs"] },
}
const dayMs = 24 * 3_600_000

/** A process's spool with a paid picture of each of these jobs, and a file that was on its way. */
async function fill(folder: string): Promise<void> {
  for (const id of ["job_waits", "job_done", "job_gone", "job_runs"]) {
    await mkdir(join(folder, `${id}-1-0`), { recursive: true })
    await writeFile(join(folder, `${id}-1-0`, "paid.json"), "{}")
  }
  await writeFile(join(folder, "on-its-way"), "bytes")
}

test("paid pictures stay as long as their jobs may take them up, however long their worker is dead", async () => {
  const parent = await mkdtemp(join(tmpdir(), "kiln-sweep-"))
  await using _parent = { [Symbol.asyncDispose]: () => rm(parent, { recursive: true }) }
  const [folder, dead, living] = ["own", "dead", "living"].map((name) => join(parent, name))
  assert.ok(folder && dead && living)
  for (const each of [folder, dead, living]) await fill(each)
  const longAgo = new Date(Date.now() - 2 * dayMs)
  await utimes(dead, longAgo, longAgo)
  const spool = { folder, parent }
  await sweepSpool({ ...deps, spool })
  assert.deepEqual(await readdir(dead), ["job_waits-1-0"])
  assert.deepEqual((await readdir(folder)).toSorted(), ["job_runs-1-0", "job_waits-1-0", "on-its-way"])
  assert.equal((await readdir(living)).length, 5)

  statuses["job_waits"] = "canceled"
  await sweepSpool({ ...deps, spool })
  assert.deepEqual((await readdir(parent)).toSorted(), ["living", "own"])
})
