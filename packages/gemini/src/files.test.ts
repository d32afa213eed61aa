import assert from "node:assert/strict"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"

import { CallAborted } from "@kiln/jobs"

import { answer, createScriptedUpstream, testKey, type Script } from "./testing/scripted-upstream.ts"

const bytes = 15_000_000
let input: { contentType: string; path: string }
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "kiln-files-"))
  input = { contentType: "image/png", path: join(folder, "large") }
  await writeFile(input.path, Buffer.alloc(bytes, "a"))
})
after(() => rm(folder, { recursive: true }))

const painted = answer(200, {
  candidates: [{ content: { parts: [{ inlineData: { data: "QUJD" } }] }, finishReason: "STOP" }],
})
const lost = answer(403, {
  error: {
    code: 403,
    status: "PERMISSION_DENIED",
    message: "You do not have permission to access the File x or it may not exist.",
  },
})

/** A memory of uploads as several processes share one. */
function createMemory() {
  const uris = new Map<string, string>()
  const lives: number[] = []
  return {
    uris,
    lives,
    uploaded: {
      find: async (name: string) => uris.get(name),
      async remember(name: string, uri: string, forMs: number) {
        uris.set(name, uri)
        lives.push(forMs)
      },
    },
  }
}

/** An upstream with files; `generate` answers the calls, `file` is what it says of an upload. */
function upstreamWithFiles({
  generate = painted,
  file = {},
}: { generate?: Script; file?: object } = {}): Script {
  let uploads = 0
  return (response, received) => {
    const { url, headers } = received
    if (url.includes(":generateContent")) return generate(response, received)
    if (headers["x-goog-upload-command"] === "start") {
      response.setHeader("x-goog-upload-url", `http://${headers.host}/upload/v1beta/files?upload_id=7`)
      return void response.end()
    }
    const uri = `https://files.test/v1beta/files/${uploads++}`
    return answer(200, { file: { name: "files/f", uri, state: "ACTIVE", ...file } })(response, received)
  }
}

const callsOf = (received: readonly { method: string; url: string }[]) =>
  received.map(({ method, url }) => `${method} ${url.replace("/v1beta/models/sample-image", "")}`)
const uriIn = (body: string): string =>
  (JSON.parse(body) as { contents: [{ parts: [{ fileData: { fileUri: string } }] }] }).contents[0].parts[0]
    .fileData.fileUri

test("a large image goes up in two requests and is named in the call, its bytes whole", async () => {
  const { uploaded, lives } = createMemory()
  const inAnHour = new Date(Date.now() + 2 * 3_600_000).toISOString()
  const script = upstreamWithFiles({ file: { expirationTime: inAnHour } })
  await using upstream = await createScriptedUpstream(script, { uploaded })
  await upstream.paint({ inputs: [input] })
  assert.deepEqual(callsOf(upstream.received), [
    "POST /upload/v1beta/files",
    "POST /upload/v1beta/files?upload_id=7",
    "POST :generateContent",
  ])
  const [start, content, call] = upstream.received
  assert.equal(start?.headers["x-goog-upload-header-content-length"], String(bytes))
  assert.equal(start?.headers["x-goog-upload-header-content-type"], "image/png")
  assert.equal(start?.headers["x-goog-api-key"], testKey)
  assert.equal(content?.headers["x-goog-upload-command"], "upload, finalize")
  assert.equal(content?.headers["content-length"], String(bytes))
  assert.equal(content?.body, "a".repeat(bytes))
  assert.equal(uriIn(call?.body ?? ""), "https://files.test/v1beta/files/0")
  assert.ok((lives[0] ?? 0) > 3_500_000 && (lives[0] ?? 0) <= 3_600_000)
})

test("a file is used again, by another process too, and uploaded once for calls at the same time", async () => {
  const { uploaded, uris } = createMemory()
  await using first = await createScriptedUpstream(upstreamWithFiles(), { uploaded })
  await Promise.all(
    [1, 2, 3].map((call) => first.paint({ inputs: [input], into: `${first.target}-${call}` })),
  )
  const uploads = first.received.filter(({ url }) => url.includes("/upload/"))
  assert.equal(uploads.length, 2)
  await first.paint({ inputs: [input] })
  assert.equal(first.received.length, 2 + 4)
  assert.equal(uris.size, 1)
  // Another upstream does not have the first one's files, and names tell no key.
  await using second = await createScriptedUpstream(upstreamWithFiles(), { uploaded })
  await second.paint({ inputs: [input] })
  assert.equal(uris.size, 2)
  assert.ok([...uris.keys()].every((name) => /^[0-9a-f]{64}$/.test(name)))
})

test("a file that the upstream lost is uploaded anew, once", async () => {
  const { uploaded, uris } = createMemory()
  let losses = 1
  const generate: Script = (response, received) => (losses-- > 0 ? lost : painted)(response, received)
  await using upstream = await createScriptedUpstream(upstreamWithFiles({ generate }), { uploaded })
  await upstream.paint({ inputs: [input] })
  assert.deepEqual([...uris.values()], ["https://files.test/v1beta/files/1"])
  assert.equal(uriIn(upstream.received.at(-1)?.body ?? ""), "https://files.test/v1beta/files/1")
  losses = 9
  await assert.rejects(upstream.paint({ inputs: [input] }), { code: "input_unreadable", charged: "no" })
  assert.equal(losses, 7)
})

test("a file that is looked at first is waited for, and one that cannot be read is the image's fault", async () => {
  let looks = 0
  const script: Script = (response, received) => {
    if (received.method !== "GET")
      return upstreamWithFiles({ file: { state: "PROCESSING" } })(response, received)
    looks += 1
    const state = looks < 2 ? "PROCESSING" : looks === 2 ? "ACTIVE" : "FAILED"
    return answer(200, { name: "files/f", uri: "https://files.test/f", state })(response, received)
  }
  await using upstream = await createScriptedUpstream(script)
  await upstream.paint({ inputs: [input] })
  assert.ok(upstream.received.some(({ url }) => url === "/v1beta/files/f"))
  const failed = upstream.paint({ inputs: [input] })
  await assert.rejects(failed, { code: "input_unreadable", wasAsked: false })
})

const refusals: [name: string, script: Script, code: string, message: RegExp][] = [
  ["a gateway without files", answer(404, "nothing here"), "invalid_request", /gateway takes no uploads/],
  ["one that answers anything", answer(200, "welcome"), "invalid_request", /gateway takes no uploads/],
  ["a bad key", answer(401, {}), "upstream_auth", /key/],
  ["full storage", answer(429, { error: { code: 429 } }), "upstream_quota_exhausted", /quota/],
  ["a front end's error", answer(503, "<html>"), "upstream_overloaded", /overloaded/],
]
for (const [name, script, code, message] of refusals) {
  test(`${name}: the upload fails, and nothing is called or charged`, async () => {
    await using upstream = await createScriptedUpstream(script)
    const failed = upstream.paint({ inputs: [input] })
    await assert.rejects(failed, { code, message, charged: "no", wasAsked: false })
    assert.equal(upstream.received.length, 1)
  })
}

test("an upload to another host is not given the key", async () => {
  await using other = await createScriptedUpstream(upstreamWithFiles())
  const script: Script = (response, received) => {
    if (received.headers["x-goog-upload-command"] !== "start") return painted(response, received)
    response.setHeader("x-goog-upload-url", `${other.baseUrl}/elsewhere`)
    response.end()
  }
  await using upstream = await createScriptedUpstream(script)
  await upstream.paint({ inputs: [input] })
  assert.deepEqual(callsOf(other.received), ["POST /elsewhere"])
  assert.equal(other.received[0]?.headers["x-goog-api-key"], undefined)
})

test("who aborts does not end the upload that others wait for, and an abort costs nothing", async () => {
  const { promise: isHeld, resolve: held } = Promise.withResolvers<void>()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const files = upstreamWithFiles()
  const script: Script = async (response, received) => {
    held()
    await released
    return files(response, received)
  }
  await using upstream = await createScriptedUpstream(script)
  const leaving = new AbortController()
  const left = upstream.paint({ inputs: [input], signal: leaving.signal })
  left.catch(() => undefined)
  await isHeld
  const stayed = upstream.paint({ inputs: [input] })
  leaving.abort(new Error("enough"))
  await assert.rejects(left, (error) => error instanceof CallAborted && error.charged === "no")
  release()
  await stayed
})
