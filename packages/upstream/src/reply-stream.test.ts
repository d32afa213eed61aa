import assert from "node:assert/strict"
import test from "node:test"

import type { BlobFiles } from "./blob-files.ts"
import { readReply } from "./reply-stream.ts"

/** Keeps what would be in the files. */
function createMemoryFiles(): { files: BlobFiles; contents: Map<number, Buffer> } {
  const contents = new Map<number, Buffer>()
  let current = 0
  const files: BlobFiles = {
    async open(number) {
      current = number
      contents.set(number, Buffer.alloc(0))
    },
    async write(bytes) {
      contents.set(current, Buffer.concat([contents.get(current) ?? Buffer.alloc(0), bytes]))
    },
    close: async () => undefined,
    keep: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  }
  return { files, contents }
}

async function read(chunks: Uint8Array[], maxBytes = 1_000_000) {
  const { files, contents } = createMemoryFiles()
  async function* stream() {
    yield* chunks
  }
  const { json, blobs } = await readReply(stream(), { files, maxBytes })
  return { json, blobs, contents: [...contents.values()].map((bytes) => bytes.toString("hex")) }
}

const readText = (text: string) => read([Buffer.from(text)])

const tricky =
  '[{"data":"stays","caf\u00E9 \u{1F6B2}":"\\"inlineData\\":{\\"data\\":\\"x","parts":[' +
  '{"inlineData":{"mimeType":"a\\\\","d\\u0061ta":"\\/9j\\u002f-_\\u002B\\u003d\\n"},"thoughtSignature":"QUJD"},' +
  '{ "inline_data" : { "data" : "QUJD" , "x" : {"data":"stays"} } },{"inlineData":{"data":null,"y":["data","z"]}}]}]'

test("a reply that is cut at every place, or into single bytes, reads the same", async () => {
  const bytes = Buffer.from(tricky)
  const whole = await read([bytes])
  assert.deepEqual(whole.contents, ["ffd8fffbff", "414243"])
  assert.deepEqual(JSON.parse(whole.json), [
    {
      data: "stays",
      "caf\u00E9 \u{1F6B2}": '"inlineData":{"data":"x',
      parts: [
        { inlineData: { mimeType: "a\\", data: "1" }, thoughtSignature: "QUJD" },
        { inline_data: { data: "2", x: { data: "stays" } } },
        { inlineData: { data: null, y: ["data", "z"] } },
      ],
    },
  ])
  for (let cut = 0; cut <= bytes.length; cut++) {
    assert.deepEqual(await read([bytes.subarray(0, cut), bytes.subarray(cut)]), whole, `cut at ${cut}`)
  }
  for (let size = 1; size <= 12; size++) {
    const count = Math.ceil(bytes.length / size)
    const pieces = Array.from({ length: count }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    )
    assert.deepEqual(await read(pieces), whole, `pieces of ${size}`)
  }
})

const blobsOf = async (data: string) => (await readText(`{"inlineData":{"data":"${data}"},"n":1}`)).blobs

test("a blob with broken or no base64 is told, and the rest is read", async () => {
  assert.deepEqual(await blobsOf("QUJD"), [{ number: 1, bytes: 3, isIntact: true }])
  assert.deepEqual(await blobsOf("QUI"), [{ number: 1, bytes: 2, isIntact: true }])
  for (const broken of [
    "QUJDQ",
    "QU?D",
    "QU\\u00e9D",
    'QU\\"D',
    "QU\\uZZZZD",
    "data:image/png;base64,QUJD",
    "",
  ]) {
    assert.deepEqual(
      (await blobsOf(broken)).map(({ isIntact }) => isIntact),
      [false],
      broken,
    )
  }
})

test("a value that only looks like an image's number is left alone", async () => {
  const { json, blobs } = await readText('{"data":"1","x":{"data":"1"},"inlineData":"1"}')
  assert.equal(json, '{"data":"1","x":{"data":"1"},"inlineData":"1"}')
  assert.deepEqual(blobs, [])
})

test("nesting, JSON, images and bytes have their bounds", async () => {
  const image = '{"inlineData":{"data":"QUJD"}},'
  const bounds = [
    ["[".repeat(65), /nested/],
    [`"${"x".repeat(8 * 1024 * 1024)}"`, /beside its images/],
    [`[${image.repeat(33)}0]`, /too many images/],
  ] as const
  for (const [text, message] of bounds) {
    const failed = read([Buffer.from(text)], 100_000_000)
    await assert.rejects(failed, { code: "upstream_error", charged: "unknown", message })
  }
  await assert.rejects(read([Buffer.alloc(11)], 10), {
    code: "upstream_error",
    message: /longer than 10 bytes/,
  })
  assert.equal((await readText("[".repeat(64) + "]".repeat(64))).blobs.length, 0)
})
