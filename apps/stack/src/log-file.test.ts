import assert from "node:assert/strict"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"

import { openLogFile } from "./log-file.ts"

let folder = ""
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-log-"))
})
after(() => rm(folder, { recursive: true }))

test("a full file becomes .1, and nothing older is kept", async () => {
  using log = openLogFile(join(folder, "api.log"), 20)
  for (const line of ["one 3456789", "two 3456789", "three", "four 456789", "five 56789", "six"])
    log.write(line)
  assert.deepEqual(await readdir(folder), ["api.log", "api.log.1"])
  assert.equal(await readFile(join(folder, "api.log"), "utf8"), "six\n")
  assert.equal(await readFile(join(folder, "api.log.1"), "utf8"), "three\nfour 456789\nfive 56789\n")
})

test("a new run goes on in the same file, and its tail holds its own lines only", async () => {
  using log = openLogFile(join(folder, "api.log"))
  log.write("seven")
  assert.equal(await readFile(join(folder, "api.log"), "utf8"), "six\nseven\n")
  assert.deepEqual(log.tail(), ["seven"])
})
