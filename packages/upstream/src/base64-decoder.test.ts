import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import test from "node:test"

import { createBase64Decoder } from "./base64-decoder.ts"

function decode(text: string, pieceLength = text.length || 1) {
  const decoder = createBase64Decoder()
  const out: Buffer[] = []
  let longest = 0
  const keep = (bytes: Uint8Array) => {
    longest = Math.max(longest, bytes.length)
    out.push(Buffer.from(bytes))
  }
  for (let at = 0; at < text.length; at += pieceLength) {
    for (const bytes of decoder.push(Buffer.from(text.slice(at, at + pieceLength), "latin1"))) keep(bytes)
  }
  keep(decoder.end())
  return { bytes: Buffer.concat(out), isIntact: decoder.isIntact(), longest }
}

test("every length comes back from both alphabets, with and without padding, in pieces of any length", () => {
  for (let length = 0; length <= 20; length++) {
    // 0xfb and 0xff give the letters in which the alphabets differ.
    const bytes = Buffer.from(Array.from({ length }, (_, index) => (index % 2 ? 0xff : 0xfb)))
    for (const text of [bytes.toString("base64"), bytes.toString("base64url")]) {
      for (const pieceLength of [1, 2, 3, 5, 100]) {
        const decoded = decode(text, pieceLength)
        assert.deepEqual(decoded.bytes, bytes)
        assert.equal(decoded.isIntact, true)
      }
    }
  }
})

test("lengths around a block's border come back whole, in blocks of constant size", () => {
  for (const length of [49_150, 49_151, 49_152, 49_153, 98_304, 200_001]) {
    const bytes = randomBytes(length)
    const decoded = decode(bytes.toString("base64"), 10_000)
    assert.ok(decoded.bytes.equals(bytes))
    assert.equal(decoded.isIntact, true)
    assert.ok(decoded.longest <= 49_152)
  }
})

test("what is not base64 is not intact", () => {
  const block = "A".repeat(65_536)
  for (const text of ["AAA!", "A", "AAAAA", "AA=A", "====", "AA AA AAA", "AAA\u00E9", `AAA=${block}`]) {
    assert.equal(decode(text).isIntact, false, text.slice(0, 20))
  }
})
