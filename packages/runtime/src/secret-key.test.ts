import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { promisify } from "node:util"

import { loadOrCreateSecret } from "./secret-key.ts"

let folder = ""
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-secret-"))
})
after(() => rm(folder, { recursive: true }))

test("a secret is made once, readable by its owner only, and then read", async () => {
  const made = await loadOrCreateSecret({ folder, name: "admin.key", bytes: 24, prefix: "kiln_sk_" })
  assert.match(made, /^kiln_sk_[0-9A-Za-z]{32}$/)
  assert.equal(await loadOrCreateSecret({ folder, name: "admin.key", bytes: 24, prefix: "other_" }), made)
  assert.equal((await readFile(join(folder, "admin.key"), "utf8")).trim(), made)
  assert.equal((await stat(join(folder, "admin.key"))).mode & 0o777, 0o600)
})

test("processes that ask at the same time get the same secret and leave nothing else behind", async () => {
  const shared = join(folder, "shared")
  const script = `
    import { loadOrCreateSecret } from ${JSON.stringify(import.meta.resolve("./secret-key.ts"))}
    const asked = Array.from({ length: 20 }, () => loadOrCreateSecret({ folder: ${JSON.stringify(shared)}, name: "k", bytes: 24 }))
    console.log([...new Set(await Promise.all(asked))].join())`
  const runs = await Promise.all(
    [1, 2, 3].map(() => promisify(execFile)(process.execPath, ["--input-type=module", "-e", script])),
  )
  const [secret] = runs.map((run) => run.stdout.trim())
  assert.match(secret ?? "", /^[0-9A-Za-z]{32}$/)
  assert.deepEqual(
    runs.map((run) => run.stdout.trim()),
    [secret, secret, secret],
  )
  assert.deepEqual(await readdir(shared), ["k"])
})

test("an emptied file is refused rather than silently replaced", async () => {
  await writeFile(join(folder, "empty.key"), "\n")
  await assert.rejects(loadOrCreateSecret({ folder, name: "empty.key", bytes: 24 }), /empty\.key is empty/)
})
