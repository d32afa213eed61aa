import assert from "node:assert/strict"
import { after, test } from "node:test"

import sharp from "sharp"

import { startEmulator } from "../start-emulator.ts"
import { ask, errorOf } from "../test-client.ts"
import type { fileResource } from "./file-store.ts"

type FileResource = ReturnType<typeof fileResource>

const emulator = await startEmulator({ latencyMs: 0 })
after(() => emulator[Symbol.asyncDispose]())

const key = { "x-goog-api-key": "test-key-0001" }
const png = await sharp({ create: { width: 40, height: 20, channels: 3, background: "#0a0" } })
  .png()
  .toBuffer()

async function start(displayName = "ref-1", length = png.length): Promise<string> {
  const response = await fetch(`${emulator.url}/upload/v1beta/files`, {
    method: "POST",
    headers: {
      ...key,
      "x-goog-upload-protocol": "resumable",
      "x-goog-upload-command": "start",
      "x-goog-upload-header-content-length": String(length),
      "x-goog-upload-header-content-type": "image/png",
    },
    body: JSON.stringify({ file: { display_name: displayName } }),
  })
  assert.deepEqual([response.status, response.headers.get("x-goog-upload-status")], [200, "active"])
  return response.headers.get("x-goog-upload-url") ?? ""
}

function send(url: string, bytes: Uint8Array, offset: number, command: string): Promise<Response> {
  const headers = { "x-goog-upload-offset": String(offset), "x-goog-upload-command": command }
  return fetch(url, { method: "POST", headers, body: Buffer.from(bytes) })
}

async function upload(displayName?: string): Promise<FileResource> {
  const response = await send(await start(displayName), png, 0, "upload, finalize")
  assert.equal(response.headers.get("x-goog-upload-status"), "final")
  return ((await response.json()) as { file: FileResource }).file
}

const read = (name: string, headers: Record<string, string> = key) =>
  fetch(`${emulator.url}/v1beta/${name}`, { headers })
const use = (fileUri: string, as = "test-key-0001") =>
  ask(emulator, {
    key: as,
    body: {
      contents: [
        { parts: [{ fileData: { fileUri, mimeType: "image/png" } }, { text: "edit [[no_image]]" }] },
      ],
    },
  })

test("an uploaded file is described, listed, used under either address, and deleted", async () => {
  const file = await upload()
  assert.match(file.name, /^files\/[a-z0-9]+$/)
  assert.deepEqual(
    [file.displayName, file.mimeType, file.sizeBytes, file.state],
    ["ref-1", "image/png", String(png.length), "ACTIVE"],
  )
  assert.equal(Date.parse(file.expirationTime) - Date.parse(file.createTime), 48 * 3600 * 1000)
  assert.deepEqual(await (await read(file.name)).json(), file)
  const { files } = (await (await read("files")).json()) as { files: FileResource[] }
  assert.ok(files.some(({ name }) => name === file.name))
  assert.equal((await use(file.uri)).status, 200)
  assert.equal((await use(`https://generativelanguage.googleapis.com/v1beta/${file.name}`)).status, 200)
  const deleted = await fetch(`${emulator.url}/v1beta/${file.name}`, { method: "DELETE", headers: key })
  assert.deepEqual(await deleted.json(), {})
  assert.equal((await read(file.name)).status, 403)
})

test("a file may come in chunks, each continuing where the last one ended", async () => {
  const url = await start()
  const middle = 50
  const first = await send(url, png.subarray(0, middle), 0, "upload")
  assert.deepEqual([first.status, first.headers.get("x-goog-upload-status")], [200, "active"])
  assert.equal((await send(url, png.subarray(middle), 7, "upload, finalize")).status, 400)
  const query = await send(await start(), Buffer.of(), 0, "query")
  assert.equal(query.headers.get("x-goog-upload-size-received"), "0")
  const again = await start()
  await send(again, png.subarray(0, middle), 0, "upload")
  const last = await send(again, png.subarray(middle), middle, "upload, finalize")
  const { file } = (await last.json()) as { file: FileResource }
  assert.equal(file.sizeBytes, String(png.length))
  assert.equal((await send(again, png, 0, "upload")).status, 404)
})

const message = (id: string) => `You do not have permission to access the File ${id} or it may not exist.`

test("a file that is missing, another key's or expired is a 403 that does not tell which", async () => {
  const { name, uri } = await upload()
  const id = name.slice("files/".length)
  const foreign = await read(name, { "x-goog-api-key": "another" })
  assert.deepEqual([foreign.status, (await errorOf(foreign)).message], [403, message(id)])
  assert.equal((await errorOf(await use(uri, "another"))).message, message(id))
  assert.equal((await errorOf(await read("files/nothing"))).message, message("nothing"))
  emulator.advanceClock(48 * 3600 * 1000 - 60_000)
  assert.equal((await read(name)).status, 200)
  emulator.advanceClock(60_000)
  assert.equal((await errorOf(await use(uri))).message, message(id))
})

test("a file that is being processed cannot be used yet", async () => {
  const { state, uri, name } = await upload("clip [[processing:30]]")
  assert.equal(state, "PROCESSING")
  const early = await errorOf(await use(uri))
  assert.equal(early.status, "FAILED_PRECONDITION")
  assert.equal(early.message, `The File ${name.slice(6)} is not in an ACTIVE state and usage is not allowed.`)
  emulator.advanceClock(30_000)
  assert.equal((await use(uri)).status, 200)
})
