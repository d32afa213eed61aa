import assert from "node:assert/strict"
import { after, before, suite, test } from "node:test"

import { createClient } from "@kiln/client"
import { operations, type Scope } from "@kiln/contract"

import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

suite("tenants and keys", () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world[Symbol.asyncDispose]())

  const keyFor = async (tenant: string, scopes: Scope[]) => {
    const created = await world.client.send(operations.createKey, { body: { tenant, scopes } })
    return { id: created.id, client: createClient({ baseUrl: world.url, key: created.key, retries: 0 }) }
  }

  test("another tenant's job is not there, whatever is tried", async () => {
    const { client } = await keyFor("acme", ["jobs:read", "jobs:write"])
    const job = await world.make({ prompt: "mine" })
    const call = { params: { id: job.id } }
    for (const operation of [
      operations.getJob,
      operations.cancelJob,
      operations.retryJob,
      operations.deleteJob,
      operations.watchJob,
    ] as const) {
      assert.equal((await client.request(operation, call)).status, 404, operation.path)
    }
    assert.equal(
      (await client.request(operations.getOutput, { params: { id: job.id, index: 0 } })).status,
      404,
    )
    assert.deepEqual((await client.send(operations.listJobs)).data, [])
    assert.equal((await world.job(job.id)).status, "succeeded")
  })

  test("a key does what its scopes say and no more", async () => {
    const { client } = await keyFor("readers", ["jobs:read"])
    assert.equal((await client.request(operations.listJobs)).status, 200)
    assert.equal((await client.request(operations.createGeneration, { body: { prompt: "no" } })).status, 403)
    assert.equal((await client.request(operations.listKeys)).status, 403)
  })

  test("a revoked key stops working, and its secret is nowhere", async () => {
    const { id, client } = await keyFor("gone", ["jobs:read"])
    assert.equal((await client.request(operations.listJobs)).status, 200)
    await world.client.send(operations.revokeKey, { params: { id } })
    await until("the key is refused", async () => (await client.request(operations.listJobs)).status === 401)
    const listed = JSON.stringify(await world.client.send(operations.listKeys))
    assert.doesNotMatch(listed, /kiln_sk_/)
  })

  test("two tenants' images are apart", async () => {
    const { client } = await keyFor("acme", ["jobs:read", "jobs:write"])
    const { id } = await client.send(operations.createGeneration, { body: { prompt: "ours" } })
    const job = await client.send(operations.getJob, { params: { id }, query: { wait: 30 } })
    assert.match(job.outputs[0]?.key ?? "", /^acme\//)
  })
})
