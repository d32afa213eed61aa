import assert from "node:assert/strict"
import { suite, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"

import type { Redis } from "ioredis"

import { createFence } from "./fence.ts"
import { createLedger, type Ledger } from "./ledger.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob } from "./testing/sample-job.ts"

const late = () => Object.assign(new Error("LATE nobody waits for this any more"), { name: "ReplyError" })

test("what is sent may happen as long as its caller waits, less the time of an answer, by Redis's clock", async () => {
  const fence = createFence({ readTime: async () => 1_000_000, answerWithinMs: 5_000 })
  const latest = await fence.latest()
  assert.ok(latest >= 1_004_500 && latest < 1_005_000, `${latest}`)
})

test("a slow comparison of the clocks makes the time shorter, never longer", async () => {
  const readAt = performance.now()
  const fence = createFence({ readTime: () => sleep(100, 1_000_000), answerWithinMs: 5_000 })
  const latest = await fence.latest()
  assert.ok(latest <= 1_004_500 + (performance.now() - readAt) - 100 + 1, `${latest}`)
})

test("the clocks are compared once for all who ask at once, and again after one went wrong", async () => {
  let redisMs = 1_000_000
  let compared = 0
  const readTime = async () => {
    compared += 1
    return redisMs
  }
  const fence = createFence({ readTime, answerWithinMs: 5_000 })
  await Promise.all([fence.latest(), fence.latest()])
  await fence.latest()
  assert.equal(compared, 1)

  redisMs = 2_000_000
  assert.equal(fence.isMistaken(new Error("ECONNRESET"), performance.now()), false)
  assert.equal(fence.isMistaken(late(), performance.now() - 4_600), false)
  assert.equal(fence.isMistaken(late(), performance.now()), true)
  assert.ok((await fence.latest()) >= 2_004_500)
  assert.equal(compared, 2)

  redisMs = 3_000_000
  fence.forget()
  assert.ok((await fence.latest()) >= 3_004_500)
})

test("while the clocks cannot be compared nothing is sent, and the next one compares them", async () => {
  let isAway = true
  const readTime = async () => {
    if (isAway) throw new Error("Command timed out")
    return 1_000_000
  }
  const fence = createFence({ readTime, answerWithinMs: 5_000 })
  await assert.rejects(fence.latest(), /timed out/)
  isAway = false
  assert.ok((await fence.latest()) > 1_000_000)
})

suite("while Redis hangs", () => {
  const settings = { prefix: "late", retentionMs: 60_000, answerWithinMs: 300 }

  /** Gives up on a step because Redis hangs, and resolves when that is over. */
  async function whileItHangs(
    step: (ledger: Ledger) => Promise<unknown>,
    then: (ledger: Ledger, redis: Redis) => Promise<void>,
  ) {
    await using server = await startRedis()
    const pid = Number(/^process_id:(\d+)/m.exec(await server.redis.info("server"))?.[1])
    const impatient = server.redis.duplicate({ commandTimeout: 300, maxRetriesPerRequest: 1 })
    try {
      const ledger = createLedger({ ...settings, redis: impatient })
      // Two are handed over, and two wait until there are workers.
      for (let n = 0; n < 4; n++) await ledger.submit({ job: newJob(), idempotency: undefined })
      await ledger.beat("w", 8, 60_000)
      process.kill(pid, "SIGSTOP")
      await assert.rejects(step(ledger), /timed out/)
      process.kill(pid, "SIGCONT")
      // Commands of one connection are done in their order.
      await impatient.ping()
      await then(ledger, impatient)
    } finally {
      impatient.disconnect()
    }
  }

  test("a job whose caller gave up is not taken when Redis goes on", async () => {
    const job = newJob()
    await whileItHangs(
      (ledger) => ledger.submit({ job, idempotency: undefined }),
      async (ledger) => {
        assert.equal(await ledger.read(job.id), undefined)
        assert.equal((await ledger.submit({ job, idempotency: undefined })).kind, "created")
      },
    )
  })

  test("no job is handed over to a worker that does not listen any more", async () => {
    await whileItHangs(
      (ledger) => ledger.dispatch(),
      async (ledger, redis) => {
        assert.equal(await redis.zcard("{late}:lease"), 2)
        assert.equal((await ledger.dispatch()).length, 2)
      },
    )
  })
})
