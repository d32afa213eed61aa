import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import test from "node:test"

import { answer, createScriptedUpstream } from "./testing/scripted-upstream.ts"

const image = (bytes: string, more = {}) => ({
  inlineData: { mimeType: "image/jpeg", data: Buffer.from(bytes).toString("base64") },
  ...more,
})
const reply = (parts: unknown[]) =>
  answer(200, { candidates: [{ content: { role: "model", parts }, finishReason: "STOP" }] })

test("a whole answer is kept where it is asked for: every part, every image, every signature", async () => {
  const parts = [
    { text: "thinking", thought: true },
    image("draft", { thought: true }),
    { text: "Look:", thoughtSignature: "dGV4dA==", partMetadata: { odd: [1] } },
    image("first", { thoughtSignature: "Zmlyc3Q=" }),
    image("second", { thought_signature: "c2Vjb25k" }),
  ]
  await using upstream = await createScriptedUpstream(reply(parts))
  const painted = await upstream.paint({ keepReply: true })
  assert.deepEqual(
    painted.reply?.map(({ part }) => part),
    [
      { text: "thinking", thought: true },
      { inlineData: { mimeType: "image/jpeg" }, thought: true },
      { text: "Look:", thoughtSignature: "dGV4dA==", partMetadata: { odd: [1] } },
      { inlineData: { mimeType: "image/jpeg" }, thoughtSignature: "Zmlyc3Q=" },
      { inlineData: { mimeType: "image/jpeg" }, thoughtSignature: "c2Vjb25k" },
    ],
  )
  const files = (painted.reply ?? []).flatMap((part) => (part.image ? [part.image.path] : []))
  const contents = await Promise.all(files.map((path) => readFile(path, "utf8")))
  assert.deepEqual(contents, ["draft", "first", "second"])
  assert.equal(files.at(-1), upstream.target)
})

test("an answer with a damaged image cannot be said again, and nothing of it is left behind", async () => {
  const parts = [{ inlineData: { data: "?" } }, image("whole")]
  await using upstream = await createScriptedUpstream(reply(parts))
  const painted = await upstream.paint({ keepReply: true })
  assert.equal(painted.reply, undefined)
  assert.deepEqual(await upstream.files(), ["image"])
})

test("the words of an answer stand before and after its picture", async () => {
  const parts = [{ text: "One." }, image("draft"), { text: "Two." }, image("final"), { text: "Three." }]
  await using upstream = await createScriptedUpstream(reply(parts))
  const { content, text } = await upstream.paint()
  assert.deepEqual(content, [
    { type: "text", text: "One.\n\nTwo." },
    { type: "image" },
    { type: "text", text: "Three." },
  ])
  assert.equal(text, "One.\n\nTwo.\n\nThree.")
})
