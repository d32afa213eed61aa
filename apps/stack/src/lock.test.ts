import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"

import { lockFolder } from "./lock.ts"

let folder = ""
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-lock-"))
})
after(() => rm(folder, { recursive: true }))

test("a folder has one owner at a time", async () => {
  const first = await lockFolder(folder)
  await assert.rejects(lockFolder(folder), /Another Kiln is running on .* set KILN_DATA_DIR/)
  await first[Symbol.asyncDispose]()
  await using _second = await lockFolder(folder)
})

test("the lock of a killed process is free", async () => {
  const script = `
    import { lockFolder } from ${JSON.stringify(import.meta.resolve("./lock.ts"))}
    await lockFolder(${JSON.stringify(folder)})
    console.log("locked")
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ["--input-type=module", "-e", script])
  await once(child.stdout, "data")
  await assert.rejects(lockFolder(folder), /Another Kiln/)
  child.kill("SIGKILL")
  await once(child, "exit")
  await using _lock = await lockFolder(folder)
})
