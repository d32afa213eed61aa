import assert from "node:assert/strict"
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"

import { readTurn, writeTurn } from "./turn-file.ts"

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-turn-"))
})
after(() => rm(folder, { recursive: true }))

const header = {
  upstream: "here",
  history: ["acme/a.turn", "acme/b.turn"],
  prompt: "a mug – in the morning\nkiln-turn 1 3\n",
  inputs: [{ key: "acme/assets/a.png", contentType: "image/png" }],
  reply: [
    { part: { text: "Here", thoughtSignature: "c2ln", odd: { deep: [1, null] } } },
    { part: { inlineData: { mimeType: "image/jpeg" } }, image: 0 },
    { part: { inlineData: { mimeType: "image/png" } }, image: 1 },
  ],
  images: [
    { contentType: "image/jpeg", bytes: 5 },
    { contentType: "image/png", bytes: 9, key: "acme/0.png" },
    { contentType: "image/png", bytes: 3 },
  ],
  content: [{ type: "text" as const, text: "Here" }, { type: "image" as const }],
}

async function write(name: string): Promise<{ path: string; bytes: number }> {
  const [first, second, path] = [join(folder, "first"), join(folder, "second"), join(folder, name)]
  await writeFile(first, "FIRST")
  await writeFile(second, "2nd")
  return { path, bytes: await writeTurn(path, header, [first, second]) }
}

test("a turn is read as it was written, and its images follow its header", async () => {
  const { path, bytes } = await write("whole")
  const read = await readTurn(path)
  assert.deepEqual(read?.header, header)
  const file = await readFile(path)
  assert.equal(file.length, bytes)
  assert.equal(file.subarray(read?.imagesAt).toString(), "FIRST2nd")
})

test("what is cut off, longer, or no turn at all is none", async () => {
  const { path, bytes } = await write("cut")
  const whole = await readFile(path)
  for (const length of [0, 5, 40, bytes - 9, bytes - 1]) {
    await writeFile(path, whole)
    await truncate(path, length)
    assert.equal(await readTurn(path), undefined, `${length} bytes`)
  }
  for (const text of [
    `${whole.toString()}x`,
    "kiln-turn 1 99999999\n{}",
    "kiln-turn 1 2\n{}",
    "something else",
  ]) {
    await writeFile(path, text)
    assert.equal(await readTurn(path), undefined, text.slice(0, 30))
  }
})
