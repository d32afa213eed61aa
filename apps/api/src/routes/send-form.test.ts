import assert from "node:assert/strict"
import { readdir } from "node:fs/promises"
import { connect } from "node:net"
import { after, before, test } from "node:test"

import type { Job } from "@kiln/contract"

import { samplePng } from "../trial/sample-images.ts"
import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
before(async () => {
  api = await startTrialApi()
})
after(() => api[Symbol.asyncDispose]())

type Part = readonly [name: string, content: string | Uint8Array]

async function send(path: string, parts: readonly Part[], headers: Record<string, string> = {}) {
  const form = new FormData()
  for (const [name, content] of parts) {
    if (typeof content === "string") form.append(name, content)
    else form.append(name, new Blob([Uint8Array.from(content)]), "photo.png")
  }
  const init = { method: "POST", headers: { authorization: `Bearer ${api.key}`, ...headers }, body: form }
  const response = await fetch(api.url + path, init)
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) }
}

const request = (more: object = {}) => ["request", JSON.stringify({ prompt: "mix them", ...more })] as const
const png = (colour: string, width = 60) => samplePng(colour, { width, height: 40 })
const widths = ({ inputs }: Job) => inputs.map(({ width }) => width)
const errorsOf = (body: { errors: { pointer: string; code: string }[] }) =>
  body.errors.map(({ pointer, code }) => `${pointer} ${code}`)

/** Files are removed when the answer is out. */
async function nothingLeft(): Promise<void> {
  while ((await readdir(api.spool)).length > 0) await new Promise(setImmediate)
}

test("files come in their order, behind the images of the request, whichever part is first", async () => {
  const images = [{ data: (await png("red", 10)).toString("base64") }]
  const files = [await png("green", 20), await png("blue", 30)].map((file) => ["image", file] as const)
  const before_ = await send("/v1/edits", [request({ images }), ...files])
  assert.equal(before_.status, 202, before_.text)
  assert.deepEqual(widths(before_.body), [10, 20, 30])
  const behind = await send("/v1/edits", [...files.toReversed(), request({ n: 2 })])
  assert.deepEqual(widths(behind.body), [30, 20])
  assert.equal(behind.body.parameters.n, 2)
  const late = await send("/v1/edits", [...files, request()], { "cancel-after": "90s" })
  assert.ok(late.body.deadline)
  await nothingLeft()
})

test("a generation may be a form too, but has no images", async () => {
  const made = await send("/v1/generations", [request()])
  assert.deepEqual([made.status, made.body.type], [202, "generation"])
  const { status, body } = await send("/v1/generations", [request(), ["image", await png("red")]])
  assert.deepEqual([status, body.code, body.errors[0].pointer], [400, "unknown_field", "/image"])
  assert.match(body.detail, /POST \/v1\/edits/)
})

test("a form whose parts are wrong, missing or double is refused by the part's name", async () => {
  const image = ["image", await png("red")] as const
  const cases: [Part[], string][] = [
    [[], "/request required"],
    [[image], "/request required"],
    [[request(), request(), image], "/request duplicate"],
    [[["request", "{"], image], "/request invalid_json"],
    [[["request", "7"], image], "/request invalid_json"],
    [[request(), ["photo", await png("red")]], "/photo unknown_field"],
    [[request()], "/images required"],
    [[request({ images: 7 }), image], "/images invalid_type"],
    [[request(), ...Array.from({ length: 15 }, () => image)], "/image too_big"],
    [[request({ images: Array.from({ length: 5 }, () => ({ url: "https://x.org/a" })) }), image, image], ""],
    [[request(), ["image", new Uint8Array()]], "/image/0 input_unreadable"],
    [[request(), image, ["image", Buffer.from("ID3\u0004 la la la")]], "/image/1 audio_or_video"],
    [[request({ colour: "red" }), image], "/colour unknown_field"],
    [[request({ model: "few" }), image, image, image, image], "/images unsupported_by_model"],
  ]
  for (const [parts, expected] of cases) {
    const { status, body, text } = await send("/v1/edits", parts)
    if (expected === "") assert.equal(status, 202, text)
    else assert.deepEqual([status, errorsOf(body).includes(expected)], [400, true], `${expected}: ${text}`)
  }
  await nothingLeft()
})

const parts = async (colour: string) => [request(), ["image", await png(colour)] as const]

test("a repeated form is the same request by its content, and another file makes it another", async () => {
  const key = { "idempotency-key": "a form" }
  const first = await send("/v1/edits", await parts("red"), key)
  const again = await send("/v1/edits", await parts("red"), key)
  assert.deepEqual([again.status, again.text], [202, first.text])
  assert.equal(again.headers.get("idempotent-replayed"), "true")
  const other = await send("/v1/edits", await parts("green"), key)
  assert.deepEqual([other.status, other.body.code], [422, "idempotency_mismatch"])
})

test("200 forms with one photo at once keep it once", async () => {
  const photo = await png("#778899", 77)
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      send("/v1/edits", [request({ prompt: `Variation ${index}` }), ["image", photo]]),
    ),
  )
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202])
  assert.equal(new Set(answers.map(({ body }) => body.inputs[0].asset)).size, 1)
  await nothingLeft()
})

test("half a form leaves nothing behind, and a form that says it is too large is refused at once", async () => {
  const open = (length: number) => {
    const socket = connect(Number(new URL(api.url).port), "127.0.0.1")
    socket.write(
      `POST /v1/edits HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.key}\r\n` +
        `Content-Type: multipart/form-data; boundary=b\r\nContent-Length: ${length}\r\n\r\n` +
        '--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\nhalf',
    )
    return socket
  }
  const half = open(5_000)
  while ((await readdir(api.spool)).length === 0) await new Promise(setImmediate)
  half.destroy()
  await nothingLeft()
  const huge = open(3_000_000_000)
  const answer = await new Promise<string>((resolve) => huge.once("data", (data) => resolve(String(data))))
  assert.match(answer, /^HTTP\/1\.1 413/)
  huge.destroy()
})
