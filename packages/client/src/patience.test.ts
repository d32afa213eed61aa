import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { test } from "node:test"

import { newId, operations } from "@kiln/contract"

import { createClient } from "./client.ts"
import { createBatch } from "./create-batch.ts"
import { downloadOutput } from "./download.ts"
import { KilnError, KilnUnreachable, WrongImage } from "./kiln-error.ts"
import { resultsOf } from "./results.ts"
import { backOffMs, retryAfterMs } from "./send-patiently.ts"
import { createEdit } from "./upload-asset.ts"
import { waitForBatch } from "./wait.ts"
import { watchBatch } from "./watch.ts"

type Answer = (request: IncomingMessage, body: string, response: ServerResponse) => void

async function serve(answer: Answer) {
  const seen: { request: IncomingMessage; body: string }[] = []
  const server = createServer(async (request, response) => {
    const body = await text(request)
    seen.push({ request, body })
    answer(request, body, response)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    seen,
    client: createClient({ baseUrl: url, key: "kiln_sk_test", timeoutMs: 20_000 }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

const body = { prompt: "a fox" }
const batch = newId("bat")

const event = (n: number, type: string, end: string | null) =>
  `id: ${n}-0\nevent: ${type}\ndata: ${JSON.stringify({ id: `evt_${n}`, type, data: { completed_at: end } })}\n\n`

const line = (index: number, end = "t1") =>
  `${JSON.stringify({ index, status: "succeeded", completed_at: end })}\n`

test("a creation is sent again under one key of its own until it is answered", async () => {
  await using api = await serve((_request, _body, response) => {
    if (api.seen.length === 1) response.destroy()
    else if (api.seen.length === 2) response.writeHead(503, { "retry-after": "0" }).end()
    else response.end(JSON.stringify({ id: "job_1" }))
  })
  await api.client.send(operations.createGeneration, { body })
  const keys = api.seen.map(({ request }) => request.headers["idempotency-key"])
  assert.equal(keys.length, 3)
  assert.ok(keys[0])
  assert.equal(new Set(keys).size, 1)
  assert.deepEqual(
    api.seen.map((one) => one.body),
    Array.from({ length: 3 }, () => JSON.stringify(body)),
  )
})

test("what is not safe to send twice is not, unless it was refused for now", async () => {
  await using broken = await serve((_request, _body, response) => response.destroy())
  const cancel = { params: { id: newId("job") } }
  await assert.rejects(broken.client.send(operations.cancelJob, cancel), KilnUnreachable)
  assert.equal(broken.seen.length, 1)
  await using busy = await serve((_request, _body, response) => {
    if (busy.seen.length === 1) response.writeHead(429, { "retry-after": "0" }).end()
    else response.end("{}")
  })
  await busy.client.send(operations.cancelJob, cancel)
  assert.equal(busy.seen.length, 2)
})

test("a server that asks for more than a minute is believed and not waited for", async () => {
  await using api = await serve((_request, _body, response) =>
    response.writeHead(429, { "retry-after": "3600" }).end(JSON.stringify({ code: "queue_full" })),
  )
  await assert.rejects(
    api.client.send(operations.createGeneration, { body }),
    (error) => error instanceof KilnError && error.code === "queue_full",
  )
  assert.equal(api.seen.length, 1)
})

test("a call that is stopped ends with the caller's reason", async () => {
  const stop = new AbortController()
  await using api = await serve(() => stop.abort(new Error("enough")))
  await assert.rejects(api.client.send(operations.createGeneration, { body, signal: stop.signal }), /enough/)
})

test("no answer in time is told as such", async () => {
  await using api = await serve(() => undefined)
  const client = createClient({ baseUrl: api.url, key: "k", retries: 0, timeoutMs: 20 })
  await assert.rejects(client.send(operations.createGeneration, { body }), /no answer within 0.02 s/)
})

test("Retry-After is seconds or a date, and pauses grow to a bound", () => {
  assert.equal(retryAfterMs("3", 0), 3_000)
  assert.equal(retryAfterMs("Thu, 01 Jan 1970 00:00:05 GMT", 2_000), 3_000)
  assert.equal(retryAfterMs("soon", 0), undefined)
  assert.equal(retryAfterMs(null, 0), undefined)
  assert.deepEqual(
    [0, 1, 2, 20].map((attempt) => backOffMs(attempt, 1)),
    [250, 500, 1_000, 8_000],
  )
})

test("events are followed over a broken connection, from where it broke", async () => {
  await using api = await serve((_request, _body, response) => {
    if (api.seen.length === 1) {
      response.write(`: hello\n\n${event(1, "batch.progress", null)}id: 9-0\ndata: {"half`)
      setImmediate(() => response.destroy())
    } else response.end(event(2, "batch.progress", null) + event(3, "batch.completed", "2026-01-01"))
  })
  const found = await Array.fromAsync(watchBatch(api.client, batch))
  assert.deepEqual(
    found.map(({ id }) => id),
    ["evt_1", "evt_2", "evt_3"],
  )
  assert.equal(api.seen[1]?.request.headers["last-event-id"], "1-0")
})

test("results are followed over a broken connection, and no end is told twice", async () => {
  await using api = await serve((_request, _body, response) => {
    if (api.seen.length === 1) {
      response.write(line(0) + line(1).slice(0, 12))
      setImmediate(() => response.destroy())
    } else response.end(line(0) + line(1) + line(1, "t2"))
  })
  const found = await Array.fromAsync(resultsOf(api.client, batch, { follow: true }))
  assert.deepEqual(
    found.map(({ index, completed_at }) => [index, completed_at]),
    [
      [0, "t1"],
      [1, "t1"],
      [1, "t2"],
    ],
  )
})

test("waiting for a batch tells of changes only", async () => {
  await using api = await serve((request, _body, response) => {
    const isKnown = request.headers["if-none-match"] === '"1"'
    if (api.seen.length === 1) response.writeHead(200, { etag: '"1"' }).end('{"completed_at":null}')
    else if (api.seen.length === 2 && isKnown) response.writeHead(304).end()
    else response.writeHead(200, { etag: '"2"' }).end('{"completed_at":"2026-01-01"}')
  })
  const told: unknown[] = []
  await waitForBatch(api.client, batch, { onProgress: ({ completed_at }) => void told.push(completed_at) })
  assert.deepEqual(told, [null, "2026-01-01"])
  assert.equal(api.seen.length, 3)
})

test("rows go as a form with their options, or as a stream with the options in the query", async () => {
  await using api = await serve((_request, _body, response) => response.end("{}"))
  const options = { name: "spring", max_parallel: 3, scenes: [{ id: "a", prompt: "b" }] }
  await createBatch(api.client, { type: "text/csv", content: new Blob(["custom_id\na\n"]) }, options)
  const [form] = api.seen
  assert.match(form?.request.headers["content-type"] ?? "", /^multipart\/form-data; boundary=/)
  assert.match(form?.body ?? "", /name="scenes"\r\n\r\n\[\{"id":"a","prompt":"b"\}\]/)
  assert.match(form?.body ?? "", /name="file"; filename="rows.csv"[^]*custom_id\na\n/)
  const content = new Blob(['{"custom_id":"a"}\n']).stream()
  await createBatch(api.client, { type: "application/x-ndjson", content }, options)
  const [, stream] = api.seen
  assert.equal(stream?.request.headers["content-type"], "application/x-ndjson")
  assert.equal(stream?.body, '{"custom_id":"a"}\n')
  const { searchParams } = new URL(stream?.request.url ?? "", api.url)
  assert.equal(searchParams.get("max_parallel"), "3")
  assert.equal(searchParams.get("scenes"), '[{"id":"a","prompt":"b"}]')
})

test("the files of an edit are uploaded first", async () => {
  await using api = await serve((request, _body, response) =>
    response.end(JSON.stringify({ id: request.url === "/v1/assets" ? "ast_1" : "job_1" })),
  )
  await createEdit(api.client, { prompt: "blue", images: [new Blob(["png"]), { url: "https://a/b.png" }] })
  assert.deepEqual(JSON.parse(api.seen[1]?.body ?? ""), {
    images: [{ asset: "ast_1" }, { url: "https://a/b.png" }],
    prompt: "blue",
  })
})

const content = "an image"
const sha256 = "0".repeat(64)
const picture = (url: string, hash: string) => ({
  job: newId("job"),
  index: 0,
  url,
  bytes: content.length,
  sha256: hash,
})
const hashOf = async (words: string) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(words))).toHex()

test("an image that arrives damaged is fetched again, and refused when it stays so", async () => {
  await using api = await serve((_request, _body, response) =>
    response.end(api.seen.length === 1 ? "an imagE" : content),
  )
  const good = picture(`${api.url}/files/0.png`, await hashOf(content))
  assert.equal(new TextDecoder().decode(await downloadOutput(api.client, good)), content)
  assert.equal(api.seen.length, 2)
  assert.equal(api.seen[0]?.request.headers.authorization, undefined)
  await assert.rejects(downloadOutput(api.client, picture(`${api.url}/files/0.png`, sha256)), WrongImage)
  await assert.rejects(
    downloadOutput(api.client, { ...good, bytes: 3 }),
    (error) => error instanceof WrongImage && /larger than 3/.test(error.message),
  )
})

test("a link that has ended is replaced by a fresh one", async () => {
  await using api = await serve((request, _body, response) => {
    if (request.url === "/old") response.writeHead(403).end()
    else if (request.url === "/new") response.end(content)
    else response.writeHead(302, { location: `${api.url}/new` }).end()
  })
  const found = await downloadOutput(api.client, picture(`${api.url}/old`, await hashOf(content)))
  assert.equal(new TextDecoder().decode(found), content)
})
