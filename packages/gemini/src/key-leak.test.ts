import assert from "node:assert/strict"
import test from "node:test"
import { inspect } from "node:util"

import { paintRequest } from "./testing/paint-request.ts"
import { answer, createScriptedUpstream, testKey, type Script } from "./testing/scripted-upstream.ts"

const otherKey = "key-of-another-model"
const echo = `the keys are ${testKey} and ${otherKey}, at https://x.test/?key=${testKey}`

const echoes: Record<string, Script> = {
  "an error": answer(400, { error: { code: 400, status: "INVALID_ARGUMENT", message: echo } }),
  "an error's details": answer(403, {
    error: { details: [{ reason: echo, retryDelay: echo }], message: echo },
  }),
  "a text error": answer(500, { error: echo }),
  "an HTML error": answer(502, `<html>${echo}</html>`),
  "an unreadable answer": answer(200, echo),
  "JSON with the key where it breaks": answer(200, `{"candidates": ${testKey}`),
  "a finish message": answer(200, { candidates: [{ finishReason: "OTHER", finishMessage: echo }] }),
  "a finish reason": answer(200, { candidates: [{ finishReason: echo }] }),
  "a block reason": answer(200, { promptFeedback: { blockReason: echo } }),
  "a refusal": answer(200, { candidates: [{ content: { parts: [{ text: echo }] }, finishReason: "STOP" }] }),
  "an error within the answer": answer(200, { error: { message: echo } }),
  "bytes that are no HTTP": (response) => void response.socket?.end(`HTTP/9 ${echo}\r\n\r\n`),
  "a broken header": (response) => void response.socket?.end(`HTTP/1.1 200 OK\r\nx: ${echo}\0\r\n\r\n`),
  "an encoding": answer(200, "", { "content-encoding": testKey }),
  "a connection that breaks": (response) => void response.destroy(),
}

for (const [place, script] of Object.entries(echoes)) {
  test(`no failure shows a key that the upstream echoes in ${place}`, async () => {
    await using upstream = await createScriptedUpstream(script, { modelKeys: { other: otherKey } })
    const signal = new AbortController().signal
    const probe = () => upstream.gemini.probe(paintRequest().model, signal)
    for (const call of [() => upstream.paint(), probe]) {
      const thrown: unknown = await call().catch((error: unknown) => error)
      const shown = inspect(thrown, { depth: 10, showHidden: true, getters: true }) + JSON.stringify(thrown)
      assert.ok(!shown.includes(testKey), shown)
      assert.ok(!shown.includes(otherKey), shown)
    }
  })
}

test("no URL has the key, and an abort does not show it", async () => {
  await using upstream = await createScriptedUpstream(() => undefined)
  const controller = new AbortController()
  const painting = upstream.paint({ signal: controller.signal })
  controller.abort()
  const thrown: unknown = await painting.catch((error: unknown) => error)
  assert.ok(!inspect(thrown, { depth: 10 }).includes(testKey))
  for (const { url } of upstream.received) assert.ok(!url.includes(testKey))
})
