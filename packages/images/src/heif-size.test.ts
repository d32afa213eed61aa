import assert from "node:assert/strict"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"

import { heifSize } from "./heif-size.ts"
import { box, heif, u32 } from "./test-heif.ts"

async function sizeOf(bytes: Uint8Array) {
  const folder = await mkdtemp(join(tmpdir(), "kiln-heif-"))
  try {
    const path = join(folder, "image")
    await writeFile(path, bytes)
    return await heifSize(path)
  } finally {
    await rm(folder, { recursive: true })
  }
}

test("the size is the primary image's, not that of its tiles", async () => {
  for (const wide of [false, true]) {
    assert.deepEqual(await sizeOf(heif({ wide })), { width: 4032, height: 3024 })
  }
})

test("a quarter turn swaps the sides, half a turn does not", async () => {
  for (const quarters of [1, 3]) {
    assert.deepEqual(await sizeOf(heif({ quarters })), { width: 3024, height: 4032 })
  }
  assert.deepEqual(await sizeOf(heif({ quarters: 2 })), { width: 4032, height: 3024 })
})

test("the metadata may stand behind the picture, and boxes may have long sizes or none", async () => {
  const [ftyp, rest] = [heif().subarray(0, 24), heif().subarray(24, -4008)]
  const long = Buffer.concat(
    [u32(1), Buffer.from("mdat"), u32(0, 24), u32(7, 7)].map((part) => Buffer.from(part)),
  )
  const open = Buffer.concat([Buffer.from(u32(0)), rest.subarray(4)])
  assert.deepEqual(await sizeOf(Buffer.concat([ftyp, long, rest])), { width: 4032, height: 3024 })
  assert.deepEqual(await sizeOf(Buffer.concat([ftyp, long, open])), { width: 4032, height: 3024 })
})

test("a file cut anywhere has no size", async () => {
  const whole = heif()
  for (let length = 25; length < whole.length; length += length < 300 ? 1 : 97) {
    assert.equal(await sizeOf(whole.subarray(0, length)), undefined, `${length} bytes`)
  }
})

test("boxes that lie end in no size: too large, too many, too deep in promises", async () => {
  const pitm = box("pitm", u32(0), [0, 1])
  const ispe = box("ipco", box("ispe", u32(0, 8, 8)))
  const lies = [
    container(),
    container(pitm),
    container(pitm, box("iprp", ispe)),
    container(pitm, box("iprp", ispe, box("ipma", u32(0, 0xffffffff), [0, 1, 255]))),
    container(pitm, box("iprp", ispe, box("ipma", u32(0, 1), [0, 1, 1, 9]))),
    container(
      pitm,
      box("iprp", box("ipco", box("ispe", u32(0, 0, 8))), box("ipma", u32(0, 1), [0, 1, 1, 1])),
    ),
    container(Buffer.alloc(2 ** 20)),
    Buffer.concat(Array.from({ length: 1001 }, () => box("free"))),
    Buffer.from([...u32(1), ...Buffer.from("mdat"), ...u32(0xffffffff, 0xffffffff)]),
  ]
  for (const lie of lies) assert.equal(await sizeOf(lie), undefined)
})

function container(...parts: Buffer[]): Buffer {
  return Buffer.concat([heif().subarray(0, 24), box("meta", u32(0), ...parts), box("mdat", [1])])
}
