import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import { UsageReport } from "@kiln/contract"

import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
let admin: string
before(async () => {
  api = await startTrialApi()
  admin = await api.makeKey("ops", ["admin"])
})
after(() => api[Symbol.asyncDispose]())

const today = () => new Date().toISOString().slice(0, 10)
const limit = (tenant: string, body: object) =>
  api.send(`/v1/tenants/${tenant}/limits`, { key: admin, method: "PUT", body })
const generate = (key: string, body: object = {}) =>
  api.send("/v1/generations", { key, body: { prompt: "a mug", ...body } })
const tenantKey = (tenant: string) => api.makeKey(tenant, ["jobs:read", "jobs:write"])

test("usage is by day, model and key, and adds up with the job", async () => {
  const key = await tenantKey("used")
  const made = await generate(key)
  await api.paint(made.body.id)
  const job = (await api.send(`/v1/jobs/${made.body.id}`, { key })).body
  const report = UsageReport.parse((await api.send("/v1/usage", { key })).body)
  assert.deepEqual([report.tenant, report.to], ["used", today()])
  const counts = {
    images: 1,
    calls: job.usage.upstream_calls,
    input_tokens: job.usage.input_tokens,
    output_tokens: job.usage.output_tokens,
    cost_usd: job.usage.cost_usd,
    failures: 0,
  }
  assert.deepEqual(report.total, counts)
  assert.deepEqual(report.data, [{ day: today(), ...counts }])
  const all = await api.send("/v1/usage?group_by=model,key,day", { key })
  const [row] = all.body.data
  assert.deepEqual([row.day, row.model], [today(), job.model])
  assert.match(row.key, /^key_/)
  await api.send(`/v1/jobs/${made.body.id}`, { key, method: "DELETE" })
  assert.deepEqual((await api.send("/v1/usage", { key })).body.total, counts)
})

test("usage is the tenant's own; admins see every tenant's", async () => {
  const key = await tenantKey("other")
  assert.equal((await api.send("/v1/usage", { key })).body.total.calls, 0)
  assert.equal((await api.send("/v1/usage?tenant=used", { key })).status, 403)
  assert.equal((await api.send("/v1/usage?tenant=used", { key: admin })).body.total.calls, 1)
})

test("a range of days is bounded and has to be one", async () => {
  for (const [query, pointer] of [
    ["from=2026-02-30", "/from"],
    ["from=2026-01-02&to=2026-01-01", "/from"],
    ["from=2020-01-01&to=2026-01-01", "/from"],
    ["group_by=week", "/group_by"],
  ] as const) {
    const { status, body } = await api.send(`/v1/usage?${query}`)
    assert.equal(status, 400, query)
    assert.equal(body.errors[0].pointer, pointer)
  }
  const year = await api.send("/v1/usage?from=2025-01-01&to=2025-12-31")
  assert.deepEqual([year.status, year.body.data], [200, []])
})

test("a tenant over its budget is refused in words, and one within it is told how it stands", async () => {
  const key = await tenantKey("thrifty")
  await limit("thrifty", { daily_budget_usd: 0.1 })
  assert.equal((await generate(key)).status, 202)
  const refused = await generate(key, { n: 8 })
  assert.deepEqual([refused.status, refused.body.code], [402, "budget_exceeded"])
  assert.match(
    refused.body.detail,
    /daily budget of this tenant: of 0\.1 USD, 0 are spent and 0\.0\d+ are set aside/,
  )
  const { budgets } = (await api.send("/v1/usage", { key })).body
  assert.equal(budgets.daily.budget_usd, 0.1)
  assert.equal(budgets.daily.spent_usd, 0)
  assert.equal(budgets.monthly, null)
  assert.ok(budgets.reserved_usd > 0.02 && budgets.reserved_usd < 0.1)
  assert.ok(Date.parse(budgets.daily.resets_at) > Date.now())
})

test("a key over its own budget is refused, another key of the tenant is not", async () => {
  const made = await api.send("/v1/keys", {
    key: admin,
    body: { tenant: "shared", scopes: ["jobs:write"], monthly_budget_usd: 0.05 },
  })
  assert.equal(made.body.monthly_budget_usd, 0.05)
  assert.equal((await generate(made.body.key)).status, 202)
  const refused = await generate(made.body.key)
  assert.equal(refused.status, 402)
  assert.match(refused.body.detail, /monthly budget of this API key/)
  assert.equal((await generate(await tenantKey("shared"))).status, 202)
})

test("a retry is refused when the budget does not allow it any more", async () => {
  const key = await tenantKey("again")
  const { body } = await generate(key)
  await api.send(`/v1/jobs/${body.id}/cancel`, { key, method: "POST" })
  await limit("again", { daily_budget_usd: 0.001 })
  const retry = () => api.send(`/v1/jobs/${body.id}/retry`, { key, method: "POST" })
  assert.equal((await retry()).status, 402)
  await limit("again", { queued_jobs: 1 })
  await generate(key)
  assert.equal((await retry()).body.code, "queue_full")
})
