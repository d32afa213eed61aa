import assert from "node:assert/strict"
import { test } from "node:test"

import { preferredWait } from "./prefer.ts"

const cases: [string | undefined, number][] = [
  [undefined, 0],
  ["wait=10", 10],
  ["respond-async, wait=10", 10],
  ['Wait = "7"; foo=bar', 7],
  ["wait=600", 60],
  ["wait=0", 0],
  ["wait=-1", 0],
  ["wait=1.5", 0],
  ["waiting=10", 0],
]

for (const [header, seconds] of cases) {
  test(`Prefer: ${header ?? "(absent)"} waits ${seconds} s`, () => {
    assert.equal(preferredWait(header), seconds)
  })
}
