import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import { listOf, Model, operations, Readiness } from "@kiln/contract"

import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
before(async () => {
  api = await startTrialApi()
})
after(() => api[Symbol.asyncDispose]())

test("the process is healthy, and ready only with a worker", async () => {
  assert.equal((await api.send("/healthz", { key: null })).status, 200)
  const without = await api.send("/readyz", { key: null })
  assert.equal(without.status, 503)
  const { checks } = Readiness.parse(without.body)
  assert.deepEqual(
    Object.entries(checks).flatMap(([name, { ok }]) => (ok ? [] : [name])),
    ["workers"],
  )
  await using ready = await startTrialApi()
  await ready.ledger.beat("worker-1", 4, 10_000)
  const worked = await ready.send("/readyz", { key: null })
  assert.deepEqual([worked.status, worked.body.status], [200, "ready"])
  ready.close()
  assert.equal((await ready.send("/readyz", { key: null })).status, 503)
})

test("a Redis that may evict jobs is not ready", async () => {
  await using evicting = await startTrialApi()
  await evicting.redis.config("SET", "maxmemory-policy", "allkeys-lru")
  const { body } = await evicting.send("/readyz", { key: null })
  assert.equal(body.checks.eviction.ok, false)
})

test("the models are listed without where they are served", async () => {
  const { status, body } = await api.send("/v1/models")
  assert.equal(status, 200)
  const { data } = listOf(Model).parse(body)
  assert.equal(data.filter((model) => model.default).length, 1)
})

test("the description has every operation, and its pages need neither key nor internet", async () => {
  const { status, body } = await api.send("/v1/openapi.json", { key: null })
  assert.deepEqual([status, body.openapi], [200, "3.1.0"])
  const described = Object.values(body.paths as Record<string, object>).flatMap((path) => Object.keys(path))
  assert.equal(described.length, Object.keys(operations).length)
  const page = await api.send("/docs/", { key: null })
  assert.equal(page.status, 200)
  assert.doesNotMatch(page.text, /https?:/)
  const linked = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => `/docs/${link}`)
  assert.ok(linked.length > 3)
  for (const link of linked) assert.equal((await api.send(link, { key: null })).status, 200, link)
})
