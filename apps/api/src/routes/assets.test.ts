import assert from "node:assert/strict"
import { once } from "node:events"
import { readdir } from "node:fs/promises"
import { createServer } from "node:http"
import { connect, type AddressInfo } from "node:net"
import { after, before, test } from "node:test"

import { Asset } from "@kiln/contract"

import { pngHeader, samplePng } from "../trial/sample-images.ts"
import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
let open: TrialApi
before(async () => {
  api = await startTrialApi()
  open = await startTrialApi({ allowPrivate: true })
})
after(async () => {
  await api[Symbol.asyncDispose]()
  await open[Symbol.asyncDispose]()
})

async function upload(parts: Record<string, Uint8Array<ArrayBuffer> | string>, key = api.key) {
  const form = new FormData()
  for (const [name, part] of Object.entries(parts)) {
    if (typeof part === "string") form.append(name, part)
    else form.append(name, new Blob([part]), `${name}.bin`)
  }
  const headers = { authorization: `Bearer ${key}` }
  const response = await fetch(`${api.url}/v1/assets`, { method: "POST", headers, body: form })
  return { status: response.status, headers: response.headers, body: await response.json() }
}
const bytesOf = (buffer: Buffer) => Uint8Array.from(buffer)
const pngOf = async (colour: string) => bytesOf(await samplePng(colour))

test("an uploaded image is kept, seen and deleted", async () => {
  const file = await pngOf("#123456")
  const { status, headers, body } = await upload({ file })
  assert.equal(status, 201)
  const asset = Asset.parse(body)
  assert.equal(headers.get("location"), `/v1/assets/${asset.id}`)
  assert.deepEqual(
    [asset.content_type, asset.width, asset.height, asset.bytes],
    ["image/png", 60, 40, file.length],
  )
  const kept = await fetch(asset.url)
  assert.deepEqual(new Uint8Array(await kept.arrayBuffer()), file)
  assert.deepEqual((await api.send(`/v1/assets/${asset.id}`)).body, asset)
  assert.equal((await api.send(`/v1/assets/${asset.id}`, { method: "DELETE" })).status, 204)
  assert.equal((await fetch(asset.url)).status, 404)
  for (const method of ["GET", "DELETE"]) {
    assert.equal((await api.send(`/v1/assets/${asset.id}`, { method })).status, 404)
  }
  const again = await upload({ file })
  assert.equal(again.status, 201)
  assert.equal((await fetch(again.body.url)).status, 200)
})

test("200 uploads of one photo at once make one asset, and another tenant's is its own", async () => {
  const file = await pngOf("#abcdef")
  const answers = await Promise.all(Array.from({ length: 200 }, () => upload({ file })))
  assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
  assert.equal(answers.filter(({ status }) => status === 201).length, 1)
  assert.equal(answers.filter(({ status }) => status === 200).length, 199)
  const stranger = await api.makeKey("beta", ["jobs:write", "jobs:read"])
  const theirs = await upload({ file }, stranger)
  assert.equal(theirs.status, 201)
  assert.equal((await api.send(`/v1/assets/${answers[0]?.body.id}`, { key: stranger })).status, 404)
  assert.deepEqual(await readdir(api.spool), [])
})

test("what is no usable image is refused in a clear sentence", async () => {
  const svg = bytesOf(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'))
  for (const [file, sentence] of [
    [svg, /PNG, JPEG, WebP, HEIC, AVIF, TIFF and GIF are accepted/],
    [bytesOf(pngHeader(50_000, 50_000)), /50000 × 50000 pixels; up to 100 million are accepted/],
    [(await pngOf("red")).subarray(0, 70), /damaged or cut off/],
  ] as const) {
    const { status, body } = await upload({ file: Uint8Array.from(file) })
    assert.deepEqual([status, body.code], [400, "invalid_request"])
    assert.match(body.detail, sentence)
    assert.deepEqual([body.errors[0].pointer, body.errors[0].code], ["/file", "input_unreadable"])
  }
})

test("a form of another kind is refused by name", async () => {
  const file = await pngOf("blue")
  const none = await upload({})
  assert.deepEqual([none.status, none.body.errors?.[0]?.pointer], [400, "/file"])
  const wrong: Parameters<typeof upload>[0][] = [{ picture: file }, { file, name: "a mug" }]
  for (const parts of wrong) {
    const { status, body } = await upload(parts)
    assert.deepEqual([status, body.code], [400, "unknown_field"])
  }
  const headers = { "content-type": "multipart/form-data" }
  assert.equal((await api.send("/v1/assets", { body: "x", headers })).status, 400)
  assert.equal((await api.send("/v1/assets", { body: {} })).body.errors[0].pointer, "/url")
  const plain = { "content-type": "image/png" }
  assert.equal((await api.send("/v1/assets", { body: "x", headers: plain })).status, 415)
})

test("a file above 100 MB is refused before it is read", async () => {
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1")
  socket.write(
    `POST /v1/assets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.key}\r\n` +
      "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100100000\r\n\r\n",
  )
  const [chunk] = (await once(socket, "data")) as [Buffer]
  assert.match(chunk.toString(), /^HTTP\/1\.1 413 [^]*larger than 100 MB/)
  socket.destroy()
})

test("a caller that hangs up leaves nothing behind", async () => {
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1")
  socket.write(
    `POST /v1/assets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.key}\r\n` +
      "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 5000\r\n\r\n" +
      '--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nhalf',
  )
  while ((await readdir(api.spool)).length === 0) await new Promise(setImmediate)
  socket.destroy()
  while ((await readdir(api.spool)).length > 0) await new Promise(setImmediate)
  assert.equal((await upload({ file: await pngOf("green") })).status, 201)
})

test("an image is fetched where that is allowed, else refused with the reason", async () => {
  const png = await samplePng("orange")
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/gone" ? 404 : 200
    response.end(request.url === "/text" ? "no image" : png)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const made = await open.send("/v1/assets", { body: { url } })
  assert.equal(made.status, 201, made.text)
  assert.equal(made.body.bytes, png.length)
  assert.equal((await open.send("/v1/assets", { body: { url } })).status, 200)
  for (const [sender, where, code] of [
    [api, url, "address_not_allowed"],
    [api, "ftp://example.org/a.png", "protocol_not_allowed"],
    [open, `${url}/gone`, "status"],
    [open, `${url}/text`, "input_unreadable"],
  ] as const) {
    const { status, body } = await sender.send("/v1/assets", { body: { url: where } })
    assert.deepEqual([status, body.code], [400, "invalid_request"])
    assert.deepEqual([body.errors[0].pointer, body.errors[0].code], ["/url", code])
  }
  server.close()
})
