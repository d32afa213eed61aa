import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { createWriteStream } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { test } from "node:test"
import { promisify } from "node:util"

import { zipOf } from "./zip.ts"

const run = promisify(execFile)

test("an archive of more files than the old format can count is whole for another program", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "kiln-zip-"))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const files = 66_000
  async function* entries() {
    for (let n = 0; n < files; n++) yield { name: `MUG-${n}.png`, content: Buffer.from([n & 255]) }
    yield { name: "manifest.json", content: Readable.from([Buffer.from("{"), Buffer.from("}")]) }
  }
  const path = join(folder, "a.zip")
  await pipeline(Readable.from(zipOf(entries())), createWriteStream(path))
  const options = { maxBuffer: 1 << 26 }
  await run("unzip", ["-tqq", path], options)
  const { stdout } = await run("unzip", ["-Z1", path], options)
  const names = stdout.trimEnd().split("\n")
  assert.equal(names.length, files + 1)
  assert.equal(new Set(names).size, files + 1)
  const last = await run("unzip", ["-p", path, `MUG-${files - 1}.png`], { ...options, encoding: "buffer" })
  assert.deepEqual([...last.stdout], [(files - 1) & 255])
})
