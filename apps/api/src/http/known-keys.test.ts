import assert from "node:assert/strict"
import { test } from "node:test"

import type { ApiKey } from "@kiln/contract"

import { createKnownKeys } from "./known-keys.ts"

const key: ApiKey = {
  id: `key_${"1".repeat(32)}`,
  object: "key",
  tenant: "acme",
  scopes: ["jobs:read"],
  name: null,
  created_at: "2026-01-01T00:00:00.000Z",
  expires_at: null,
  last_used_at: null,
  daily_budget_usd: null,
  monthly_budget_usd: null,
}

function counted(found: ApiKey | undefined) {
  let asked = 0
  const keys = createKnownKeys({
    apiKeys: {
      find: async () => {
        asked += 1
        return found
      },
    },
    limits: { requestsPerMinute: async () => 7 },
  })
  return { keys, asked: () => asked }
}

test("many lookups at once are one", async () => {
  const { keys, asked } = counted(key)
  await Promise.all([1, 2, 3].map(() => keys.lookUp("digest")))
  assert.equal(asked(), 1)
})

test("a good key is believed for 5 s, an unknown one for 1 s", async () => {
  const good = counted(key).keys
  const unknown = counted(undefined).keys
  const { lookedAt } = await good.lookUp("digest")
  const { lookedAt: unknownAt } = await unknown.lookUp("digest")
  assert.ok(good.recent("digest", lookedAt + 4_999))
  assert.equal(good.recent("digest", lookedAt + 5_000), undefined)
  assert.ok(good.wasGood("digest"))
  assert.ok(unknown.recent("digest", unknownAt + 999))
  assert.equal(unknown.recent("digest", unknownAt + 1_000), undefined)
  assert.ok(!unknown.wasGood("digest"))
})

test("a key comes with its tenant's pace, until the tenant is forgotten", async () => {
  const { keys } = counted(key)
  const { lookedAt, requestsPerMinute } = await keys.lookUp("digest")
  assert.equal(requestsPerMinute, 7)
  keys.forgetTenant("other")
  assert.ok(keys.recent("digest", lookedAt))
  keys.forgetTenant("acme")
  assert.equal(keys.recent("digest", lookedAt), undefined)
})

test("a key that is forgotten is looked up again", async () => {
  const { keys } = counted(key)
  const { lookedAt } = await keys.lookUp("digest")
  keys.forget(key.id)
  assert.equal(keys.recent("digest", lookedAt), undefined)
})
