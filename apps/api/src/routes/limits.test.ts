import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

const token = "a token of sixteen or more".replaceAll(" ", "-")
let api: TrialApi
let admin: string
before(async () => {
  api = await startTrialApi({ mostWaits: 1, metricsToken: token })
  admin = await api.makeKey("ops", ["admin"])
})
after(() => api[Symbol.asyncDispose]())

const limitsOf = (tenant: string) => `/v1/tenants/${tenant}/limits`
const put = (tenant: string, body: object) => api.send(limitsOf(tenant), { key: admin, method: "PUT", body })

test("limits are put and read by admins alone, and what is read can be put", async () => {
  const none = await api.send(limitsOf("new"), { key: admin })
  assert.equal(none.status, 200)
  assert.deepEqual(new Set(Object.values(none.body)), new Set([null]))
  const given = await put("new", { weight: 3, monthly_budget_usd: 12.34 })
  assert.equal(given.body.monthly_budget_usd, 12.34)
  assert.deepEqual((await put("new", given.body)).body, given.body)
  assert.deepEqual((await api.send(limitsOf("new"), { key: admin })).body, given.body)
  assert.equal((await api.send(limitsOf("new"))).status, 403)
})

test("limits that make no sense are refused by name", async () => {
  for (const [field, value] of Object.entries({
    weight: 0,
    requests_per_minute: 1.5,
    parallel_jobs: -1,
    queued_jobs: "many",
    daily_budget_usd: -0.01,
    budget: 1,
  })) {
    const { status, body } = await put("acme", { [field]: value })
    assert.equal(status, 400, field)
    assert.equal(body.errors[0].pointer, `/${field}`)
  }
  assert.equal((await put("Not%20a%20name", {})).status, 400)
})

test("a tenant's own limit of requests a minute binds, and is told", async () => {
  const key = await api.makeKey("hasty", ["jobs:read"])
  await put("hasty", { requests_per_minute: 2 })
  const answers = [await api.send("/v1/jobs", { key }), await api.send("/v1/jobs", { key })]
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200],
  )
  assert.equal(answers[0]?.headers.get("ratelimit-policy"), '"default";q=2;w=60')
  const third = await api.send("/v1/jobs", { key })
  assert.deepEqual([third.status, third.body.code], [429, "rate_limited"])
  await put("hasty", { requests_per_minute: 1_000 })
  assert.equal((await api.send("/v1/jobs", { key })).status, 200)
})

test("a tenant's own limit of waiting jobs binds, and other tenants go on", async () => {
  const key = await api.makeKey("filling", ["jobs:read", "jobs:write"])
  await put("filling", { queued_jobs: 2 })
  const submit = (body: object) => api.send("/v1/generations", { key, body })
  assert.equal((await submit({ prompt: "one" })).status, 202)
  const second = await submit({ prompt: "two" })
  const full = await submit({ prompt: "three" })
  assert.deepEqual([full.status, full.body.code], [429, "queue_full"])
  assert.ok(Number(full.headers.get("retry-after")) > 0)
  assert.equal((await api.send("/v1/generations", { body: { prompt: "another's" } })).status, 202)
  await api.send(`/v1/jobs/${second.body.id}/cancel`, { key, method: "POST" })
  assert.equal((await submit({ prompt: "four" })).status, 202)
})

test("a tenant has so many waits open, and a request beyond it makes nothing", async () => {
  const key = await api.makeKey("patient", ["jobs:read", "jobs:write"])
  const made = await api.send("/v1/generations", { key, body: { prompt: "slow" } })
  const hangUp = new AbortController()
  const stream = await fetch(`${api.url}/v1/jobs/${made.body.id}/events`, {
    headers: { authorization: `Bearer ${key}` },
    signal: hangUp.signal,
  })
  assert.equal(stream.status, 200)
  const refused = await api.send("/v1/generations?wait=1", { key, body: { prompt: "one too many" } })
  assert.deepEqual([refused.status, refused.body.code], [429, "rate_limited"])
  assert.equal((await api.send(`/v1/jobs/${made.body.id}?wait=1`, { key })).status, 429)
  assert.equal((await api.send("/v1/jobs", { key })).body.data.length, 1)
  const text = await (await metrics({ authorization: `Bearer ${token}` })).text()
  assert.match(text, /^kiln_open_waits\{kind="events"\} 1$/m)
  hangUp.abort()
})

const metrics = (headers: Record<string, string>) => fetch(`${api.url}/metrics`, { headers })

test("the metrics are for the token and for admins", async () => {
  assert.equal((await metrics({})).status, 401)
  assert.equal((await metrics({ authorization: "Bearer another-token-of-some-length" })).status, 401)
  assert.equal((await metrics({ authorization: `Bearer ${api.key}` })).status, 403)
  assert.equal((await metrics({ authorization: `Bearer ${token}` })).status, 200)
  const answer = await metrics({ authorization: `Bearer ${admin}` })
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/)
  const text = await answer.text()
  assert.match(text, /^kiln_http_requests_total\{route="\/metrics",method="GET",status="200"\} \d+$/m)
  assert.match(text, /^kiln_redis_up 1$/m)
  assert.match(text, /^process_cpu_seconds_total /m)
})
