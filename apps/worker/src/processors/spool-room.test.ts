import assert from "node:assert/strict"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"

import { createLogger } from "@kiln/runtime"

import { createRunningJobs } from "../running-jobs.ts"
import { createSpoolRoom } from "./spool-room.ts"

const log = createLogger({ name: "test", level: "silent" })
const much = async () => 2 ** 40

async function openParent() {
  const parent = await mkdtemp(join(tmpdir(), "kiln-room-"))
  return { parent, [Symbol.asyncDispose]: () => rm(parent, { recursive: true }) }
}

test("a call waits while the spools of all processes have as many bytes as they may, and goes on by itself", async () => {
  await using opened = await openParent()
  const { parent } = opened
  const folder = join(parent, "another process", "job_1-1-0")
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, "upstream"), Buffer.alloc(1_000))
  const room = createSpoolRoom({ parent, mostBytes: 1_000, freeBytes: much })
  using run = createRunningJobs().start("job_2")
  let hasPassed = false
  const passing = room.passable({ run, log }).then(() => (hasPassed = true))
  while (room.trouble() === undefined) await new Promise((resume) => setTimeout(resume, 5))
  assert.match(room.trouble() ?? "", /spool is full/)
  assert.deepEqual([hasPassed, await room.bytes()], [false, 1_000])
  await rm(folder, { recursive: true })
  await passing
  assert.deepEqual([room.trouble(), await room.bytes()], [undefined, 0])
})

test("a disk that is almost full lets no call pass, and who waits is told to stop with the run's reason", async () => {
  await using opened = await openParent()
  const room = createSpoolRoom({ ...opened, mostBytes: 1_000, freeBytes: async () => 1_000 })
  const running = createRunningJobs()
  using run = running.start("job_1")
  const passing = room.passable({ run, log })
  while (room.trouble() === undefined) await new Promise((resume) => setTimeout(resume, 5))
  assert.match(room.trouble() ?? "", /almost full/)
  running.abort("job_1", "canceled")
  await assert.rejects(passing, { reason: "canceled" })
  assert.equal(room.trouble(), undefined)
})
