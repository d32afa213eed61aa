import assert from "node:assert/strict"
import { test } from "node:test"

import sharp from "sharp"

import { createPngWalk } from "./png-walk.ts"

const png = await sharp({ create: { width: 40, height: 30, channels: 3, background: "#336699" } })
  .png()
  .toBuffer()

const isWhole = (bytes: Buffer, pieces = bytes.length): boolean => {
  const walk = createPngWalk()
  for (let at = 0; at < bytes.length; at += pieces) walk.push(bytes.subarray(at, at + pieces))
  return walk.isWhole()
}

test("a PNG is whole in whatever pieces it comes", () => {
  for (const pieces of [1, 2, 3, 5, 7, 8, 11, 64, png.length])
    assert.equal(isWhole(png, pieces), true, String(pieces))
})

test("a PNG that is cut anywhere is not", () => {
  for (let end = 0; end < png.length; end++) assert.equal(isWhole(png.subarray(0, end)), false, String(end))
})

test("a PNG with any bit turned is not", () => {
  for (let at = 0; at < png.length; at++) {
    const damaged = Buffer.from(png)
    damaged[at] = (damaged[at] ?? 0) ^ 0x10
    assert.equal(isWhole(damaged), false, String(at))
  }
})

test("what follows the end does not matter", () => {
  assert.equal(isWhole(Buffer.concat([png, Buffer.from("more")])), true)
})
