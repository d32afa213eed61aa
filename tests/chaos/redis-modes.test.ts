import assert from "node:assert/strict"
import { suite, test } from "node:test"

import { operations } from "@kiln/contract"

import { startRedisCluster, startSentinels } from "../world/redis-servers.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

const bought = ({ emulator }: World) =>
  emulator.calls.filter(({ path }) => path.includes(":generateContent")).length

suite("Redis as operators run it", { concurrency: 2, timeout: 120_000 }, () => {
  test("in a cluster of three masters, jobs are made, watched, waited for, cancelled and listed", async () => {
    await using cluster = await startRedisCluster()
    await using world = await startWorld({ redisUrl: () => cluster.url, env: { REDIS_CLUSTER: "1" } })
    const made = await world.make({ prompt: "a mug", n: 2 })
    assert.equal(made.status, "succeeded", JSON.stringify(made))
    assert.equal(made.outputs.length, 2)
    const waited = await fetch(`${world.url}/v1/generations?wait=20`, {
      method: "POST",
      headers: { authorization: `Bearer ${world.key}`, "content-type": "application/json" },
      body: JSON.stringify({ prompt: "a mug that is waited for" }),
    })
    assert.equal(waited.status, 200)
    const slow = await world.submit({ prompt: "slow [[slow:30]]" })
    await until("it runs", async () => (await world.job(slow.id)).status === "running")
    await world.client.send(operations.cancelJob, { params: { id: slow.id } })
    assert.equal((await world.ended(slow.id)).status, "canceled")
    const list = await world.client.send(operations.listJobs, { query: { limit: "10" } })
    assert.equal(list.data.length, 3)
    const events = await fetch(made.urls.events, { headers: { authorization: `Bearer ${world.key}` } })
    assert.match(await events.text(), /event: job\.succeeded/)
    const ready = await fetch(`${world.url}/readyz`)
    assert.equal(ready.status, 200, await ready.text())
    const sizes = await Promise.all(cluster.masters.map((redis) => redis.dbsize()))
    assert.equal(sizes.filter((keys) => keys > 0).length, 1, `keys on the masters: ${sizes.join(", ")}`)
  })

  test("with sentinels, a fail-over loses no job and buys nothing twice", async (t) => {
    await using redis = await startSentinels()
    await using world = await startWorld({
      workers: 2,
      // Only the sentinels know where the master is.
      redisUrl: () => "redis://127.0.0.1:1",
      env: { REDIS_SENTINELS: redis.sentinels },
      workerEnv: { KILN_CONCURRENCY: "4" },
    })
    const jobs = await Promise.all(
      Array.from({ length: 12 }, (_, n) => world.submit({ prompt: `mug ${n} [[slow:1]]` })),
    )
    const first = jobs[0]?.id ?? ""
    await until("some run", async () => (await world.job(first)).status === "running")
    await redis.master.redis.wait(1, 5_000)
    await redis.master.kill()
    const at = Date.now()
    const refused = await fetch(`${world.url}/v1/jobs/${first}`, {
      headers: { authorization: `Bearer ${world.key}` },
    })
    t.diagnostic(`while there is no master: ${refused.status}`)
    if (refused.status !== 200) {
      assert.equal(refused.status, 503)
      assert.match(refused.headers.get("retry-after") ?? "", /^\d+$/)
    }
    await until("there is a master again", async () =>
      /role:master/.test(await redis.replica.redis.info("replication")),
    )
    await until("the API has found it", async () => (await fetch(`${world.url}/readyz`)).ok)
    t.diagnostic(`ready again after ${Date.now() - at} ms`)
    for (const { id } of jobs) {
      const job = await world.ended(id, 60_000)
      assert.equal(job.status, "succeeded", JSON.stringify(job))
    }
    assert.equal(bought(world), 12)
    assert.equal((await world.make({ prompt: "after it" })).status, "succeeded")
  })
})
