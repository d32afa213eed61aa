import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import { JobEvent } from "@kiln/contract"

import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
before(async () => {
  api = await startTrialApi()
})
after(() => api[Symbol.asyncDispose]())

async function create(): Promise<string> {
  return (await api.send("/v1/generations", { body: { prompt: "a green mug" } })).body.id as string
}

const watch = (id: string, lastId?: string) =>
  api.send(`/v1/jobs/${id}/events`, { headers: lastId === undefined ? {} : { "last-event-id": lastId } })

function eventsOf(text: string): JobEvent[] {
  return text
    .split("\n\n")
    .filter((block) => block.startsWith("id:"))
    .map((block) => {
      const { id, event, data } = Object.fromEntries(
        block.split("\n").map((line) => line.split(/: (.*)/s, 2)),
      )
      const parsed = JobEvent.parse(JSON.parse(data ?? ""))
      assert.deepEqual([id, event], [parsed.id, parsed.type])
      return parsed
    })
}

const whole = ["job.queued", "job.started", "job.output", "job.succeeded"]

test("the stream tells what happened and what happens, and ends with the job", async () => {
  const id = await create()
  const watching = watch(id)
  await api.paint(id)
  const { status, headers, text } = await watching
  assert.equal(status, 200)
  assert.match(headers.get("content-type") ?? "", /^text\/event-stream/)
  assert.match(text, /^retry: 2000\n\n/)
  const events = eventsOf(text)
  assert.deepEqual(
    events.map(({ type }) => type),
    whole,
  )
  assert.equal(events.at(-1)?.data.status, "succeeded")
})

test("a stream that is taken up again misses nothing and repeats nothing", async () => {
  const id = await create()
  await api.paint(id)
  const events = eventsOf((await watch(id)).text)
  for (const [index, { id: lastId }] of events.entries()) {
    const rest = eventsOf((await watch(id, lastId)).text)
    assert.deepEqual(
      rest.map((event) => event.id),
      events.slice(index + 1).map((event) => event.id),
    )
  }
  assert.equal((await watch(id, events.at(-1)?.id)).status, 204)
})

test("an unknown Last-Event-ID starts from the beginning", async () => {
  const id = await create()
  await api.paint(id)
  assert.equal(eventsOf((await watch(id, "evt_unknown")).text).length, whole.length)
})

test("who watches and who waits is let go when the process stops", async () => {
  await using other = await startTrialApi()
  const { body } = await other.send("/v1/generations", { body: { prompt: "a mug" } })
  const headers = { authorization: `Bearer ${other.key}` }
  const stream = await fetch(`${other.url}/v1/jobs/${body.id}/events`, { headers })
  const waiting = other.send(`/v1/jobs/${body.id}?wait=60`)
  const texts = new TextDecoderStream()
  const reading = stream.body?.pipeThrough(texts) ?? assert.fail()
  let text = ""
  for await (const part of reading) {
    text += part
    if (text.includes("job.queued")) other.close()
  }
  assert.deepEqual(
    eventsOf(text).map(({ type }) => type),
    ["job.queued"],
  )
  assert.equal((await waiting).body.status, "queued")
})
