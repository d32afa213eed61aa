import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { promisify } from "node:util"

const run = promisify(execFile)

test("an archive of more files than the old format can count is whole for another program", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "kiln-zip-"))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const files = 66_000
  const path = join(folder, "a.zip")
  // In a process of its own: a test follows every promise, which here are a million.
  const script = `
    import { createWriteStream } from "node:fs"
    import { Readable } from "node:stream"
    import { pipeline } from "node:stream/promises"
    import { zipOf } from ${JSON.stringify(import.meta.resolve("./zip.ts"))}
    async function* entries() {
      for (let n = 0; n < ${files}; n++) yield { name: "MUG-" + n + ".png", content: Buffer.from([n & 255]) }
      yield { name: "manifest.json", content: Readable.from([Buffer.from("{"), Buffer.from("}")]) }
    }
    await pipeline(Readable.from(zipOf(entries())), createWriteStream(${JSON.stringify(path)}))
  `
  await run(process.execPath, ["--input-type=module", "-e", script])
  const options = { maxBuffer: 1 << 26 }
  await run("unzip", ["-tqq", path], options)
  const { stdout } = await run("unzip", ["-Z1", path], options)
  const names = stdout.trimEnd().split("\n")
  assert.equal(names.length, files + 1)
  assert.equal(new Set(names).size, files + 1)
  const last = await run("unzip", ["-p", path, `MUG-${files - 1}.png`], { ...options, encoding: "buffer" })
  assert.deepEqual([...last.stdout], [(files - 1) & 255])
})
