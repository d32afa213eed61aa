import assert from "node:assert/strict"
import { test } from "node:test"

import { models } from "./model.ts"
import { pixelsOf } from "./pixel-sizes.ts"

const documented: [table: Parameters<typeof pixelsOf>[0], ratio: string, size: string, pixels: string][] = [
  ["multiples", "1:1", "512", "512x512"],
  ["multiples", "2:3", "512", "424x632"],
  ["multiples", "1:8", "512", "192x1536"],
  ["multiples", "16:9", "1K", "1376x768"],
  ["multiples", "9:16", "2K", "1536x2752"],
  ["multiples", "21:9", "4K", "6336x2688"],
  ["multiples", "4:1", "4K", "8192x2048"],
  ["multiples", "8:1", "4K", "12288x1536"],
  ["multiples with deviations", "8:1", "4K", "11712x1408"],
  ["multiples with deviations", "8:1", "1K", "3072x384"],
  ["fixed", "2:3", "1K", "832x1248"],
  ["fixed", "21:9", "1K", "1536x672"],
]

for (const [table, ratio, size, pixels] of documented) {
  test(`${ratio} at ${size} is ${pixels} (${table})`, () => {
    const { width, height } = pixelsOf(table, ratio, size)
    assert.equal(`${width}x${height}`, pixels)
  })
}

test("every ratio of every model has pixels within 6 % of that ratio", () => {
  for (const { id, image } of models) {
    for (const ratio of image?.ratios ?? []) {
      const { width, height } = pixelsOf(image?.pixels ?? "fixed", ratio, "1K")
      const [across = 1, down = 1] = ratio.split(":").map(Number)
      const error = Math.abs((width * down) / (height * across) - 1)
      assert.ok(error < 0.06, `${id} ${ratio} is ${width}x${height}`)
    }
  }
})
