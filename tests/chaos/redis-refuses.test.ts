import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { suite, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"

import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

/** Ways in which Redis answers and yet takes nothing; each gives the way back. */
const troubles = {
  "is full": async ({ redis }: World) => {
    await redis.config("SET", "maxmemory", "1mb")
    return async () => void (await redis.config("SET", "maxmemory", "0"))
  },
  "has become a replica": async ({ redis }: World) => {
    await redis.config("SET", "replica-serve-stale-data", "yes")
    await redis.replicaof("127.0.0.1", 1)
    return async () => void (await redis.replicaof("NO", "ONE"))
  },
} as const

const cpuSeconds = async (pid: number): Promise<number> => {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const post = ({ url, key }: World) =>
  fetch(`${url}/v1/generations`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ prompt: "a mug" }),
  })

suite("when Redis answers but takes nothing", { concurrency: 2, timeout: 120_000 }, () => {
  for (const [how, begin] of Object.entries(troubles)) {
    test(`because it ${how}, the API says so, nobody spins, and all goes on by itself`, async (t) => {
      await using world = await startWorld({ workers: 1 })
      const running = await world.submit({ prompt: "in flight [[slow:2]]" })
      await until("it runs", async () => (await world.job(running.id)).status === "running")
      const end = await begin(world)
      const refused = await post(world)
      assert.equal(refused.status, 503)
      assert.match(refused.headers.get("retry-after") ?? "", /^\d+$/)
      assert.match(refused.headers.get("content-type") ?? "", /problem\+json/)
      await until("/readyz says why", async () => {
        const readiness = await fetch(`${world.url}/readyz`)
        return readiness.status === 503 && /Redis/.test(await readiness.text())
      })
      const processes = [world.api, ...world.workers].flatMap((each) => each ?? [])
      const before = await Promise.all(processes.map(({ pid }) => cpuSeconds(pid)))
      const forMs = 6_000
      await sleep(forMs)
      for (const [index, { pid }] of processes.entries()) {
        const cpu = (await cpuSeconds(pid)) - (before[index] ?? 0)
        t.diagnostic(`${cpu.toFixed(2)} s of CPU in ${forMs / 1_000} s`)
        assert.ok(cpu < forMs / 2_000, `${cpu} s of CPU in ${forMs / 1_000} s`)
      }
      await end()
      const ended = await world.ended(running.id, 60_000)
      assert.equal(ended.status, "succeeded", JSON.stringify(ended))
      assert.equal(ended.attempts.length, 1)
      await until("the API takes jobs again", async () => (await post(world)).status === 202)
      await until("/readyz is content", async () => (await fetch(`${world.url}/readyz`)).ok)
    })
  }
})
