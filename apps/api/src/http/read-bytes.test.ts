import assert from "node:assert/strict"
import { EventEmitter, once } from "node:events"
import { request } from "node:http"
import type { AddressInfo } from "node:net"
import { test } from "node:test"
import { deflateSync, gzipSync } from "node:zlib"

import { Refusal } from "@kiln/contract"
import express, { type ErrorRequestHandler } from "express"

import { HangUp } from "./hang-up.ts"
import { createReadBytes } from "./read-bytes.ts"

const limits = { mostBytes: 1_000, mostHeldBytes: 3_000 }

/** A server that answers with the number of bytes that it read, and keeps what was thrown. */
async function serve() {
  const thrown: unknown[] = []
  const requests = new EventEmitter()
  const readBytes = createReadBytes(limits)
  const refuse: ErrorRequestHandler = (error, _req, res, _next) => {
    thrown.push(error)
    requests.emit("thrown")
    res.status(error instanceof Refusal ? error.status : 500).end()
  }
  const app = express().post("/", async (req, res) => {
    requests.emit("request")
    res.end(`${(await readBytes(req, res)).length}`)
  })
  const server = app.use(refuse).listen(0, "127.0.0.1")
  await once(server, "listening")
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    thrown,
    requests,
    async post(body: Uint8Array<ArrayBuffer>, encoding = "identity") {
      const answer = await fetch(url, { method: "POST", body, headers: { "content-encoding": encoding } })
      return [answer.status, await answer.text()]
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const half = (url: string, bytes: Buffer) => {
  const sending = request(url, { method: "POST", headers: { "content-encoding": "gzip" } })
  sending.on("error", () => {}).write(bytes.subarray(0, -8))
  return sending
}

test("a body comes as it was before it was compressed", async () => {
  await using server = await serve()
  const body = new Uint8Array(1_000)
  assert.deepEqual(await server.post(body), [200, "1000"])
  assert.deepEqual(await server.post(gzipSync(body), "gzip"), [200, "1000"])
  assert.deepEqual(await server.post(deflateSync(body), "DEFLATE"), [200, "1000"])
})

test("a body over the limit is refused, however small it was sent, and the connection goes on", async () => {
  await using server = await serve()
  const body = new Uint8Array(1_001)
  for (const [sent, encoding] of [
    [body, "identity"],
    [gzipSync(new Uint8Array(1_000_000)), "gzip"],
  ] as const) {
    assert.deepEqual(await server.post(sent, encoding), [413, ""])
    assert.deepEqual(await server.post(new Uint8Array(1)), [200, "1"])
  }
})

test("what cannot be decompressed is refused", async () => {
  await using server = await serve()
  assert.deepEqual(await server.post(Buffer.from("no gzip"), "gzip"), [400, ""])
  assert.deepEqual(await server.post(gzipSync("cut").subarray(0, -4), "gzip"), [400, ""])
  assert.deepEqual(await server.post(new Uint8Array(1), "br"), [415, ""])
})

test("bodies that are sent halfway hold so much memory and no more, counted as it is after decompression", async () => {
  await using server = await serve()
  const bytes = gzipSync(new Uint8Array(900))
  const refused = Array.from({ length: 10 }, async () => {
    const [answer] = (await once(half(server.url, bytes), "response")) as [{ statusCode: number }]
    return answer.statusCode
  })
  assert.equal(await Promise.race(refused), 503)
})

test("a caller that hangs up halfway is no refusal, and what it held is free again", async () => {
  await using server = await serve()
  for (let round = 1; round <= 8; round++) {
    const arrived = once(server.requests, "request")
    const sending = half(server.url, gzipSync(new Uint8Array(900)))
    await arrived
    sending.destroy()
    while (server.thrown.length < round) await once(server.requests, "thrown")
  }
  assert.ok(server.thrown.every((error) => error instanceof HangUp))
  assert.deepEqual(await server.post(new Uint8Array(900)), [200, "900"])
})
