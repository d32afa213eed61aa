import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import type { Job } from "@kiln/contract"

import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
before(async () => {
  api = await startTrialApi()
})
after(() => api[Symbol.asyncDispose]())

async function ended(): Promise<Job> {
  const { id } = (await api.send("/v1/generations", { body: { prompt: "a blue mug" } })).body as Job
  await api.paint(id)
  return (await api.send(`/v1/jobs/${id}`)).body as Job
}

test("an ended job is told in the same words again", async () => {
  const job = await ended()
  assert.equal(job.status, "succeeded")
  const again = await api.send(`/v1/jobs/${job.id}`)
  assert.deepEqual(again.body, job)
  assert.match(again.headers.get("content-type") ?? "", /^application\/json/)
})

test("what happens to an ended job is seen at the next look", async () => {
  const { id } = (await api.send("/v1/generations", { body: { prompt: "a red mug" } })).body as Job
  await api.send(`/v1/jobs/${id}/cancel`, { method: "POST" })
  const look = async () => ((await api.send(`/v1/jobs/${id}`)).body as Job).status
  assert.equal(await look(), "canceled")
  await api.send(`/v1/jobs/${id}/retry`, { method: "POST" })
  assert.equal(await look(), "queued")
})

test("an ended job that is deleted is gone at the next look", async () => {
  const job = await ended()
  await api.send(`/v1/jobs/${job.id}`, { method: "DELETE" })
  assert.equal((await api.send(`/v1/jobs/${job.id}`)).status, 404)
})

test("an ended job is not told to another tenant, however often its own has asked", async () => {
  const job = await ended()
  const key = await api.makeKey("globex", ["jobs:read"])
  assert.equal((await api.send(`/v1/jobs/${job.id}`, { key })).status, 404)
})

test("a job that has not ended is told in the same words while nothing happens to it, and in others once it does", async () => {
  const { id } = (await api.send("/v1/generations", { body: { prompt: "a green mug" } })).body as Job
  const look = async () => api.send(`/v1/jobs/${id}`)
  const [first, second] = [await look(), await look()]
  assert.deepEqual(second.body, first.body)
  for (const name of ["etag", "retry-after"]) assert.equal(second.headers.get(name), first.headers.get(name))
  assert.equal((second.body as Job).status, "queued")
  await api.paint(id)
  assert.equal(((await look()).body as Job).status, "succeeded")
})

const submit = async (priority: string) =>
  (await api.send("/v1/generations", { body: { prompt: "a mug", priority } })).body as Job
const place = async (id: string) => ((await api.send(`/v1/jobs/${id}`)).body as Job).queue?.position ?? 0

test("where a waiting job stands is told as it is now", async () => {
  const ids = []
  // More than are handed over at once, so that the last waits in its lane.
  for (let n = 0; n < 50; n++) ids.push((await submit("low")).id)
  const last = ids.at(-1) ?? ""
  const atFirst = await place(last)
  assert.equal(await place(last), atFirst)
  await submit("high")
  assert.equal(await place(last), atFirst + 1)
  for (const id of ids) await api.send(`/v1/jobs/${id}/cancel`, { method: "POST" })
})
