import assert from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"

import type { RequestBody } from "@kiln/upstream"

import { requestBody } from "./request-body.ts"
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
  const request = paintRequest({ inputs: [{ contentType: "image/png", path }] })
  const body = await requestBody(request, async () => assert.fail("nothing is to be uploaded"))
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

/** The turns of a body as what each part is: the type and length of its data, the name of its file, or its words. */
async function turnsOf(body: RequestBody): Promise<string[]> {
  assert.ok("chunks" in body)
  const text = Buffer.concat(await Array.fromAsync(body.chunks())).toString()
  assert.equal(Buffer.byteLength(text), body.bytes)
  const { contents } = JSON.parse(text) as {
    contents: { role: string; parts: Record<string, Record<string, string> & string>[] }[]
  }
  return contents.flatMap(({ role, parts }) =>
    parts.map(({ text: words, inlineData, fileData, ...more }) =>
      [role, words ?? inlineData?.["data"]?.length ?? fileData?.["fileUri"], ...Object.values(more)].join(
        " ",
      ),
    ),
  )
}

test("earlier turns are said again with all that their parts had, also from a piece of a file", async () => {
  const path = await fileOf(Buffer.from("xxxABCDEFyyy"))
  const inputs = [{ contentType: "image/png", path: await fileOf(Buffer.from("abc")) }]
  const image = { contentType: "image/jpeg", path, piece: { start: 3, bytes: 6 } }
  const reply = [
    { part: { text: "Here.", thoughtSignature: "c2lnbg==", partMetadata: { a: 1 } } },
    { part: { inlineData: { mimeType: "image/jpeg" }, thoughtSignature: "aW1hZ2U=" }, image },
  ]
  const request = { ...paintRequest(), history: [{ inputs, prompt: "A bicycle", reply }] }
  const body = await requestBody(request, async () => assert.fail("nothing is to be uploaded"))
  assert.ok("chunks" in body)
  const sent = JSON.parse(Buffer.concat(await Array.fromAsync(body.chunks())).toString())
  assert.deepEqual(sent.contents, [
    { role: "user", parts: [{ inlineData: { mimeType: "image/png", data: "YWJj" } }, { text: "A bicycle" }] },
    {
      role: "model",
      parts: [
        { text: "Here.", thoughtSignature: "c2lnbg==", partMetadata: { a: 1 } },
        { inlineData: { mimeType: "image/jpeg", data: "QUJDREVG" }, thoughtSignature: "aW1hZ2U=" },
      ],
    },
    { role: "user", parts: [{ text: "A red bicycle" }] },
  ])
})

const pngAt = (path = "") => ({ contentType: "image/png", path })

test("what is too much for one request goes up first: callers' images, the largest first, then answers", async () => {
  const [small, large, answered] = await Promise.all(
    [3_000_000, 9_000_000, 8_000_000].map(async (bytes) => fileOf(Buffer.alloc(bytes))),
  )
  const reply = [
    { part: { inlineData: { mimeType: "image/png" }, thoughtSignature: "s" }, image: pngAt(answered) },
  ]
  const history = [{ inputs: [pngAt(small)], prompt: "First", reply }]
  const uploads: string[] = []
  const upload = async ({ path }: { path: string }) => `uri-${uploads.push(path)}`
  const request = paintRequest({ inputs: [pngAt(large)] })
  assert.deepEqual(await turnsOf(await requestBody({ ...request, history }, upload)), [
    "user 4000000",
    "user First",
    "model 10666668 s",
    "user uri-1",
    "user A red bicycle",
  ])
  assert.deepEqual(uploads, [large])
  uploads.length = 0
  const longer = { ...request, history: [...history, ...structuredClone(history)] }
  assert.deepEqual(await turnsOf(await requestBody(longer, upload)), [
    "user uri-2",
    "user First",
    "model uri-4 s",
    "user uri-3",
    "user First",
    "model 10666668 s",
    "user uri-1",
    "user A red bicycle",
  ])
})

test("words alone that are more than the upstream takes are refused before anything is sent", async () => {
  const path = await fileOf(Buffer.from("abc"))
  const request = paintRequest({ inputs: [{ contentType: "image/png", path }] })
  const long = { ...request, prompt: "x".repeat(19_500_000) }
  await assert.rejects(
    requestBody(long, async () => "uri"),
    {
      code: "invalid_request",
      message: "Without its images the request has 19.5 MB; up to 19 MB can be sent",
      charged: "no",
    },
  )
})
