import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"

import { streamedBody } from "./request-body.ts"
import { paintRequest } from "./testing/paint-request.ts"
import { answer, createScriptedUpstream } from "./testing/scripted-upstream.ts"

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-body-"))
})
after(() => rm(folder, { recursive: true }))

async function fileOf(bytes: Buffer) {
  const path = join(folder, randomBytes(8).toString("hex"))
  await writeFile(path, bytes)
  return path
}

type Sent = { contents: [{ parts: { text?: string; inlineData?: { mimeType: string; data: string } }[] }] }

test("images go before the words in their order, whole whatever their length", async () => {
  const lengths = [1, 2, 3, 196_607, 196_608, 196_609, 500_000]
  const images = lengths.map((length) => randomBytes(length))
  const inputs = await Promise.all(
    images.map(async (bytes) => ({ contentType: "image/webp", path: await fileOf(bytes) })),
  )
  await using upstream = await createScriptedUpstream(answer(400, {}))
  await assert.rejects(upstream.paint({ inputs }), { code: "invalid_request" })
  const [received] = upstream.received
  assert.equal(received?.headers["content-length"], String(Buffer.byteLength(received?.body ?? "")))
  assert.equal(received?.headers["transfer-encoding"], undefined)
  const { parts } = (JSON.parse(received?.body ?? "") as Sent).contents[0]
  assert.deepEqual(
    parts.map(({ text, inlineData }) => text ?? inlineData?.mimeType),
    [...images.map(() => "image/webp"), "A red bicycle"],
  )
  for (const [index, bytes] of images.entries()) {
    assert.equal(parts[index]?.inlineData?.data, bytes.toString("base64"), `image ${index}`)
  }
})

test("a body of many megabytes is given in small pieces", async () => {
  const path = await fileOf(Buffer.alloc(13_000_000, 7))
  const body = await streamedBody(paintRequest({ inputs: [{ contentType: "image/png", path }] }))
  assert.ok("chunks" in body)
  let bytes = 0
  let largest = 0
  for await (const { length } of body.chunks()) {
    bytes += length
    largest = Math.max(largest, length)
  }
  assert.equal(bytes, body.bytes)
  assert.ok(largest <= 262_144, `${largest} bytes in one piece`)
})

test("what the upstream would not take is refused before anything is sent", async () => {
  const path = await fileOf(Buffer.alloc(7_200_000))
  const input = { contentType: "image/png", path }
  await using upstream = await createScriptedUpstream(answer(200, {}))
  await assert.rejects(upstream.paint({ inputs: [input, input] }), {
    code: "invalid_request",
    message: "With its input images the request has 19.2 MB; up to 19 MB can be sent",
    charged: "no",
  })
  assert.equal(upstream.received.length, 0)
})
