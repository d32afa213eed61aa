import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { globSync } from "node:fs"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const root = fileURLToPath(new URL("../../", import.meta.url))
const run = promisify(execFile)

/** Readers are as strict as TypeScript can be, but need not share this repository's taste. */
const compilerOptions = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noPropertyAccessFromIndexSignature: false,
}

test("the TypeScript of README and of the documents is accepted by the compiler", async (t) => {
  const documents = globSync(["README.md", "docs/*.md"], { cwd: root })
  const texts = await Promise.all(documents.map((file) => readFile(join(root, file), "utf8")))
  const snippets = texts.flatMap((text) =>
    [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code = ""]) => code),
  )
  assert.ok(snippets.length > 1)
  const cache = join(root, "node_modules/.cache")
  await mkdir(cache, { recursive: true })
  // Below node_modules the packages are found as a reader finds them.
  const folder = await mkdtemp(join(cache, "readme-"))
  t.after(() => rm(folder, { recursive: true }))
  const files = snippets.map((_, index) => join(folder, `${index}.ts`))
  await Promise.all(files.map((file, index) => writeFile(file, `${snippets[index]}\nexport {}\n`)))
  const config = { extends: join(root, "tsconfig.json"), compilerOptions, files, include: [] }
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config))
  const said = await run(join(root, "node_modules/.bin/tsc"), ["--noEmit", "-p", folder]).then(
    () => "",
    ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
  )
  assert.equal(said, "")
})
