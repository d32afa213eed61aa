import assert from "node:assert/strict"
import { stat } from "node:fs/promises"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import test from "node:test"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

import { createScriptedUpstream } from "./testing/scripted-upstream.ts"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

/** What is really in use, in megabytes. */
function usedMb(): number {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return (heapUsed + arrayBuffers) / 1e6
}

test("a reply of 60 MB is received in less than 8 MB of memory", async () => {
  const piece = Buffer.from("QUJD".repeat(25_000))
  const used: number[] = []
  function* reply() {
    yield Buffer.from('{"candidates":[{"content":{"parts":[{"inlineData":{"data":"')
    for (let sent = 0; sent < 600; sent++) {
      if (sent % 50 === 0) used.push(usedMb())
      yield piece
    }
    yield Buffer.from('"}}]}}]}')
  }
  await using upstream = await createScriptedUpstream((response) =>
    pipeline(Readable.from(reply()), response),
  )
  const before = usedMb()
  const { bytes } = await upstream.paint()
  assert.equal(bytes, 45_000_000)
  assert.equal((await stat(upstream.target)).size, bytes)
  assert.equal(used.length, 12)
  const most = Math.max(...used) - before
  assert.ok(most < 8, `${most} MB were in use`)
})
