import assert from "node:assert/strict"
import { test } from "node:test"

import { createConvoy } from "./convoy.ts"

/** Sends that are answered when the test says so. */
function post() {
  const sent: { answer: (value: string) => void; fail: (error: Error) => void }[] = []
  const send = () =>
    new Promise<string>((answer, fail) => {
      sent.push({ answer, fail })
    })
  return { sent, send }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test("what is asked while an answer is out goes together once it is there", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] })
  const { sent, send } = post()
  const convoy = createConvoy()
  const all = [convoy(send), convoy(send), convoy(send)]
  await settled()
  assert.equal(sent.length, 1)
  sent[0]?.answer("first")
  await settled()
  assert.equal(sent.length, 3)
  sent[2]?.answer("third")
  sent[1]?.answer("second")
  assert.deepEqual(await Promise.all(all), ["first", "second", "third"])
  const alone = convoy(send)
  assert.equal(sent.length, 4)
  sent[3]?.answer("alone")
  assert.equal(await alone, "alone")
})

test("an answer that is late or a failure holds nobody up", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] })
  const { sent, send } = post()
  const convoy = createConvoy()
  const [late, next] = [convoy(send), convoy(send)]
  t.mock.timers.tick(5)
  await settled()
  assert.equal(sent.length, 2)
  const last = convoy(send)
  sent[1]?.fail(new Error("lost"))
  await assert.rejects(next, /lost/)
  await settled()
  assert.equal(sent.length, 3)
  sent[2]?.answer("last")
  sent[0]?.answer("late")
  assert.deepEqual(await Promise.all([late, last]), ["late", "last"])
  const again = convoy(send)
  sent[3]?.answer("again")
  assert.equal(await again, "again")
})

test("so many go at once and no more", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] })
  const { sent, send } = post()
  const convoy = createConvoy()
  const all = Array.from({ length: 100 }, () => convoy(send))
  const sizes: number[] = []
  for (let answered = 0; answered < sent.length;) {
    const going = sent.slice(answered)
    sizes.push(going.length)
    answered += going.length
    for (const each of going) each.answer("")
    await settled()
  }
  assert.deepEqual(sizes, [1, 32, 32, 32, 3])
  await Promise.all(all)
})

test("while no answer comes at all, everybody is on the way after a few steps", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] })
  const { sent, send } = post()
  const convoy = createConvoy()
  const all = Array.from({ length: 100 }, () => convoy(send))
  for (let step = 0; step < 4; step++) {
    t.mock.timers.tick(5)
    await settled()
  }
  assert.equal(sent.length, 100)
  for (const { answer } of sent) answer("")
  await Promise.all(all)
})
