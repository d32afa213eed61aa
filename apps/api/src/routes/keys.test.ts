import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import { ApiKey, CreatedApiKey } from "@kiln/contract"

import { admitAdminKey, adminKeyId } from "../admin-key.ts"
import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
const key = "the-first-key-of-all"
before(async () => {
  api = await startTrialApi()
  await admitAdminKey(api.ledger, { secret: key, tenant: "default" })
})
after(() => api[Symbol.asyncDispose]())

const createKey = (body: object, headers: Record<string, string> = {}) =>
  api.send("/v1/keys", { key, body, headers })

test("a made key works at once, is listed without its secret, and stops when it is revoked", async () => {
  const made = await createKey({ tenant: "shop", scopes: ["jobs:read"], name: "till" })
  assert.equal(made.status, 201)
  const created = CreatedApiKey.parse(made.body)
  assert.equal(made.headers.get("location"), `/v1/keys/${created.id}`)
  assert.equal((await api.send("/v1/jobs", { key: created.key })).status, 200)

  const list = await api.send("/v1/keys?tenant=shop", { key })
  assert.equal(list.body.data.length, 1)
  const listed = ApiKey.parse(list.body.data[0])
  assert.deepEqual([listed.id, listed.name, listed.scopes], [created.id, "till", ["jobs:read"]])
  assert.ok(listed.last_used_at)

  assert.equal((await api.send(`/v1/keys/${created.id}`, { key, method: "DELETE" })).status, 204)
  assert.equal((await api.send("/v1/jobs", { key: created.key })).status, 401)
  assert.equal((await api.send(`/v1/keys/${created.id}`, { key, method: "DELETE" })).status, 404)
})

test("an Idempotency-Key makes one key, and Redis never holds its secret", async () => {
  const body = { tenant: "once", scopes: ["jobs:write"] }
  const headers = { "idempotency-key": "make-it-once" }
  const first = await createKey(body, headers)
  const second = await createKey(body, headers)
  assert.deepEqual([second.status, second.text], [201, first.text])
  assert.equal(second.headers.get("idempotent-replayed"), "true")
  assert.equal((await api.send("/v1/keys?tenant=once", { key })).body.data.length, 1)
  const answers = await api.redis.keys("*:answer:*")
  for (const name of answers) {
    assert.ok(!((await api.redis.get(name)) ?? "").includes(first.body.key as string))
  }
  assert.equal((await createKey({ ...body, name: "other" }, headers)).status, 422)
})

test("equal requests at the same time make one key; who comes too early is told to come back", async () => {
  const body = { tenant: "race", scopes: ["jobs:read"] }
  const headers = { "idempotency-key": "race" }
  const answers = await Promise.all(Array.from({ length: 10 }, () => createKey(body, headers)))
  const made = answers.filter(({ status }) => status === 201)
  const early = answers.filter(({ status }) => status === 409)
  assert.equal(made.length + early.length, 10)
  assert.equal(new Set(made.map(({ text }) => text)).size, 1)
  for (const answer of early) {
    assert.deepEqual([answer.body.code, answer.headers.get("retry-after")], ["idempotency_in_progress", "1"])
  }
  assert.equal((await api.send("/v1/keys?tenant=race", { key })).body.data.length, 1)
})

test("a refusal is remembered with its words", async () => {
  const body = { tenant: "late", scopes: ["jobs:read"], expires_at: "2020-01-01T00:00:00Z" }
  const first = await createKey(body, { "idempotency-key": "late" })
  assert.deepEqual([first.status, first.body.errors[0].pointer], [400, "/expires_at"])
  const second = await createKey(body, { "idempotency-key": "late" })
  assert.deepEqual([second.status, second.text], [400, first.text])
  assert.equal(second.headers.get("content-type"), "application/problem+json")
})

test("another API key of the tenant cannot open the answer of the first", async () => {
  const body = { tenant: "default", scopes: ["admin"] }
  const headers = { "idempotency-key": "mine" }
  const first = await createKey(body, headers)
  const other = await api.send("/v1/keys", { key: first.body.key as string, body, headers })
  assert.deepEqual([other.status, other.body.code], [422, "idempotency_mismatch"])
})

test("only an administrator sees keys", async () => {
  const { status, body } = await api.send("/v1/keys")
  assert.deepEqual([status, body.code], [403, "forbidden"])
})

test("the first key has every scope, cannot be revoked, and is replaced by a new one", async () => {
  assert.equal((await api.send("/v1/models", { key })).status, 200)
  const refused = await api.send(`/v1/keys/${adminKeyId}`, { key, method: "DELETE" })
  assert.deepEqual([refused.status, refused.body.code], [403, "forbidden"])
  await using other = await startTrialApi()
  const admit = (secret: string) => admitAdminKey(other.ledger, { secret, tenant: "default" })
  await admit("the-old-key-of-all")
  await admit("the-new-key-of-all")
  assert.equal((await other.send("/v1/keys", { key: "the-old-key-of-all" })).status, 401)
  const list = await other.send("/v1/keys?tenant=default", { key: "the-new-key-of-all" })
  assert.deepEqual(
    list.body.data.map(({ id }: { id: string }) => id),
    [adminKeyId],
  )
})

test("keys are listed page by page", async () => {
  for (let i = 0; i < 3; i += 1) await createKey({ tenant: "many", scopes: ["jobs:read"] })
  const first = await api.send("/v1/keys?tenant=many&limit=2", { key })
  assert.deepEqual([first.body.data.length, first.body.has_more], [2, true])
  const next = /<(.+)>/.exec(first.headers.get("link") ?? "")?.[1] ?? ""
  const second = await api.send(next, { key })
  assert.deepEqual([second.body.data.length, second.body.has_more], [1, false])
})
