import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer } from "node:net"
import type { AddressInfo } from "node:net"
import test from "node:test"
import { setImmediate } from "node:timers/promises"

import { CallAborted } from "@kiln/jobs"

import { createGemini, type GeminiOptions } from "./gemini.ts"
import { paintRequest } from "./testing/paint-request.ts"
import { createScriptedUpstream, type Script, type ScriptedUpstream } from "./testing/scripted-upstream.ts"

const cut = '{"candidates":[{"content":{"parts":[{"inlineData":{"data":"QUJDQUJD'
const longCut = cut + "QUJD".repeat(50_000)
const between = `${cut}"}},{"inlineData":{"data":"${"QUJD".repeat(50_000)}`

const silent: Script = () => undefined
const onlyProbes: Script = (response, { method }) => void (method === "GET" && response.end("{}"))
const stops =
  (text: string): Script =>
  (response) => {
    response.write(text)
  }

/** A timeout far too short for a silent upstream, long enough for a loopback connection. */
const short = { timeoutMs: 300 }

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await setImmediate()
}

/** Aborts a paint when `isTime`; the caller's reason must come back, and no file may be left. */
async function abortWhen(
  upstream: ScriptedUpstream,
  isTime: () => boolean | Promise<boolean>,
): Promise<"unknown" | "no"> {
  const controller = new AbortController()
  const painting = upstream.paint({ signal: controller.signal })
  painting.catch(() => undefined)
  await until(isTime)
  controller.abort(new Error("enough"))
  const error = await painting.then(
    () => assert.fail("an image was painted"),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof CallAborted, String(error))
  assert.equal(error.cause, controller.signal.reason)
  assert.deepEqual(await upstream.files(), [])
  return error.charged
}

test("an abort before the call sends nothing", async () => {
  await using upstream = await createScriptedUpstream(silent)
  const failed = upstream.paint({ signal: AbortSignal.abort("early") })
  await assert.rejects(failed, { name: "CallAborted", charged: "no", cause: "early" })
  assert.equal(upstream.received.length, 0)
})

test("an abort while all connections are busy is not charged, and the call is never sent", async () => {
  await using upstream = await createScriptedUpstream(onlyProbes, { maxConnections: 1 })
  const first = new AbortController()
  const busy = upstream.paint({ signal: first.signal })
  busy.catch(() => undefined)
  await until(() => upstream.received.length === 1)
  assert.equal(await abortWhen(upstream, () => true), "no")
  first.abort()
  await assert.rejects(busy, { name: "CallAborted", charged: "unknown" })
  // The connection is handed on in order: what comes after the aborted call has passed it.
  await upstream.gemini.probe(paintRequest().model, new AbortController().signal)
  assert.deepEqual(
    upstream.received.map(({ method }) => method),
    ["POST", "GET"],
  )
})

test("an abort while the upstream thinks may be charged", async () => {
  await using upstream = await createScriptedUpstream(silent)
  assert.equal(await abortWhen(upstream, () => upstream.received.length === 1), "unknown")
})

for (const [place, text, files] of [
  ["within an image", longCut, 1],
  ["within a second image", between, 2],
] as const) {
  test(`an abort ${place} may be charged and leaves no file`, async () => {
    await using upstream = await createScriptedUpstream(stops(text))
    assert.equal(await abortWhen(upstream, async () => (await upstream.files()).length === files), "unknown")
  })
}

test("an abort while an error's body stalls is an abort", async () => {
  const hasBegun = Promise.withResolvers<void>()
  await using upstream = await createScriptedUpstream((response) => {
    response.writeHead(503).write('{"error"', () => hasBegun.resolve())
  })
  const controller = new AbortController()
  const painting = upstream.paint({ signal: controller.signal })
  await hasBegun.promise
  await setImmediate()
  controller.abort()
  await assert.rejects(painting, { name: "CallAborted" })
})

test("an upstream that does not answer in time is an upstream_timeout that may be charged", async () => {
  for (const script of [silent, stops(longCut)]) {
    await using upstream = await createScriptedUpstream(script, short)
    await assert.rejects(upstream.paint(), {
      code: "upstream_timeout",
      charged: "unknown",
      message: /0.3 seconds/,
    })
    assert.deepEqual(await upstream.files(), [])
  }
})

test("a timeout of a call that had to wait for a connection is charged only if it was sent at last", async () => {
  await using upstream = await createScriptedUpstream(silent, { ...short, maxConnections: 1 })
  const outcomes = await Promise.allSettled([upstream.paint(), upstream.paint()])
  const charged = outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason.charged)
  // The first one's end may leave the second a moment.
  assert.deepEqual(charged, ["unknown", upstream.received.length > 1 ? "unknown" : "no"])
})

const breaks: Record<string, Script> = {
  "before it answers": (response) => void response.destroy(),
  "within an image": (response) => void response.write(longCut, () => response.destroy()),
  "before its promised length": (response) => {
    response.writeHead(200, { "content-length": 1_000_000 }).write(longCut, () => response.destroy())
  },
  "with bytes that are no HTTP": (response) => void response.socket?.end("SSH-2.0-none\r\n\r\n"),
}
for (const [place, script] of Object.entries(breaks)) {
  test(`a connection that breaks ${place} is an upstream_error that may be charged`, async () => {
    await using upstream = await createScriptedUpstream(script)
    await assert.rejects(upstream.paint(), { code: "upstream_error", charged: "unknown" })
    assert.deepEqual(await upstream.files(), [])
  })
}

test("an error whose body breaks off is judged by its status", async () => {
  await using upstream = await createScriptedUpstream((response) => {
    response.writeHead(503, { "content-length": 1_000 }).write('{"error"', () => response.destroy())
  })
  await assert.rejects(upstream.paint(), { code: "upstream_overloaded", charged: "no" })
})

async function paintAt(baseUrl: string, options: Partial<GeminiOptions> = {}): Promise<unknown> {
  await using gemini = createGemini({
    apiKey: "k",
    apiVersion: "v1beta",
    timeoutMs: 30_000,
    baseUrl,
    ...options,
  })
  return gemini.paint(paintRequest(), { target: "/nowhere", signal: new AbortController().signal })
}

test("an upstream that cannot be reached is an upstream_error that is not charged", async () => {
  await using upstream = await createScriptedUpstream(silent)
  const refusing = createServer()
  await once(refusing.listen(0, "127.0.0.1"), "listening")
  const { port } = refusing.address() as AddressInfo
  await once(refusing.close(), "close")
  const addresses = [
    `http://127.0.0.1:${port}`,
    "http://nowhere.invalid",
    upstream.baseUrl.replace("http", "https"),
  ]
  for (const address of addresses) {
    await assert.rejects(
      paintAt(address),
      { code: "upstream_error", charged: "no", message: /not be reached/ },
      address,
    )
  }
})

test("a call that is under way when the provider is disposed of ends at once", async () => {
  await using upstream = await createScriptedUpstream(silent)
  const painting = upstream.paint()
  painting.catch(() => undefined)
  await until(() => upstream.received.length === 1)
  await upstream.gemini[Symbol.asyncDispose]()
  await assert.rejects(painting, { code: "upstream_error", charged: "unknown" })
})
