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
