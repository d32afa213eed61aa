import assert from "node:assert/strict"
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"

import { JobFailure } from "@kiln/contract"

import { normaliseInput } from "./normalise-input.ts"
import { damaged, sampleImages, seeded } from "./testing/index.ts"

const filesEach = 260

for (const [index, [name, sample]] of Object.entries(sampleImages).entries()) {
  test(`whatever happens to a ${name}, it ends in an image or in a refusal`, async () => {
    const random = seeded(index + 1)
    const whole = await sample()
    const folder = await mkdtemp(join(tmpdir(), "kiln-fuzz-"))
    const [source, target] = [join(folder, "sent"), join(folder, "input")]
    const ends = { image: 0, refusal: 0 }
    for (let file = 0; file < filesEach; file += 1) {
      await writeFile(source, damaged(whole, file, random))
      try {
        const { width, height, bytes } = await normaliseInput({ source, target, longestEdge: 12 })
        assert.ok(width > 0 && height > 0 && bytes > 0)
        ends.image += 1
      } catch (error) {
        assert.ok(
          error instanceof JobFailure && error.code === "input_unreadable",
          `file ${file}: ${String(error)}`,
        )
        assert.deepEqual(await readdir(folder), ["sent"], `file ${file}`)
        ends.refusal += 1
      }
    }
    await rm(folder, { recursive: true })
    assert.ok(ends.refusal > filesEach / 10 && ends.image > 0, JSON.stringify(ends))
  })
}
