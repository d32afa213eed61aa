import assert from "node:assert/strict"
import { after, before, suite, test } from "node:test"

import { operations, type JobEvent } from "@kiln/contract"

import { readEvents, type ServerEvent } from "../world/sse.ts"
import { startWorld, type World } from "../world/world.ts"

suite("following a job", { concurrency: 4 }, () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world[Symbol.asyncDispose]())

  const watch = (id: string, lastEventId?: string) =>
    world.client.request(operations.watchJob, {
      params: { id },
      ...(lastEventId ? { headers: { "last-event-id": lastEventId } } : {}),
    })
  const all = async (id: string, lastEventId?: string): Promise<ServerEvent[]> =>
    Array.fromAsync(readEvents(await watch(id, lastEventId)))

  test("the stream tells everything in order and ends with the job", async () => {
    const job = await world.submit({ prompt: "two mugs", n: 2 })
    const events = await all(job.id)
    assert.deepEqual(
      events.map(({ event }) => event),
      ["job.queued", "job.started", "job.output", "job.output", "job.succeeded"],
    )
    const last = JSON.parse(events.at(-1)?.data ?? "") as JobEvent
    assert.equal(last.id, events.at(-1)?.id)
    assert.equal(last.data.status, "succeeded")
    assert.equal(last.data.outputs.length, 2)
  })

  test("a stream that broke off is resumed with nothing missed and nothing twice", async () => {
    const job = await world.submit({ prompt: "slowly [[slow:1]]" })
    const seen: ServerEvent[] = []
    for await (const event of readEvents(await watch(job.id))) {
      seen.push(event)
      if (event.event === "job.started") break
    }
    await world.ended(job.id)
    const rest = await all(job.id, seen.at(-1)?.id)
    assert.deepEqual(
      [...seen, ...rest].map(({ event }) => event),
      ["job.queued", "job.started", "job.output", "job.succeeded"],
    )
    assert.deepEqual(await all(job.id, rest.at(-1)?.id), [])
  })

  test("a hundred watchers see the same end", async () => {
    const job = await world.submit({ prompt: "seen by many [[slow:1]]" })
    const ends = await Promise.all(
      Array.from({ length: 100 }, async () => (await all(job.id)).at(-1)?.id ?? "none"),
    )
    assert.equal(new Set(ends).size, 1)
    assert.notEqual(ends[0], "none")
  })

  test("an answer that waits comes when the job ends, or when the time is up", async () => {
    const job = await world.submit({ prompt: "in a second [[slow:1]]" })
    const pending = await world.client.request(operations.getJob, {
      params: { id: job.id },
      headers: { prefer: "wait=1" },
    })
    assert.equal(pending.status, 200)
    assert.equal(pending.headers.get("preference-applied"), "wait=1")
    const ended = await world.client.send(operations.getJob, { params: { id: job.id }, query: { wait: 30 } })
    assert.equal(ended.status, "succeeded")
  })

  test("a poll with the ETag of before is answered with 304 until something changes", async () => {
    const job = await world.make({ prompt: "unchanged" })
    const poll = (headers: Record<string, string>) =>
      world.client.request(operations.getJob, { params: { id: job.id }, headers })
    const first = await poll({})
    const etag = first.headers.get("etag") ?? ""
    assert.match(etag, /^"[^"]+"$/)
    assert.equal(first.headers.get("retry-after"), null)
    assert.equal((await poll({ "if-none-match": etag })).status, 304)
    assert.equal((await poll({ "if-none-match": '"other"' })).status, 200)
    const waiting = await world.submit({
      prompt: "not yet",
      not_before: new Date(Date.now() + 3_600_000).toISOString(),
    })
    const answer = await world.client.request(operations.getJob, { params: { id: waiting.id } })
    assert.match(answer.headers.get("retry-after") ?? "", /^\d+$/)
  })
})
