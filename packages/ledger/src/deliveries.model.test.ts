import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import type { WebhookEventType } from "@kiln/contract"
import * as fc from "fast-check"
import type { Redis } from "ioredis"

import type { AfterTry, TakenDelivery } from "./deliveries.ts"
import { createLedger, type Ledger } from "./ledger.ts"
import { audit } from "./testing/audit.ts"
import { boundedRuns } from "./testing/bounded-runs.ts"
import { plainVault } from "./testing/plain-vault.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob, succeeded } from "./testing/sample-job.ts"

const prefix = "{model}"
const tenant = "a"
const nat = (max: number) => fc.nat({ max })
const one = <Name extends string>(name: Name) => fc.constant(name)

type Intervention = "end" | "again" | "back" | "toggle" | "delete" | "replay" | "test" | "remove"
type Command =
  | { do: "start" | "take"; many: number; own: boolean }
  | { do: "elapse" | "lose" | "reap" | "forget" }
  | { do: Intervention; which: number }
  | { do: "record"; which: number; how: number }
  | { do: "endpoint"; events: ("*" | WebhookEventType)[] }

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: one("start"), many: nat(3), own: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ do: one("take"), many: nat(5), own: fc.constant(false) }) },
  { weight: 8, arbitrary: fc.record({ do: one("record"), which: nat(30), how: nat(6) }) },
  { weight: 4, arbitrary: fc.record({ do: one("end"), which: nat(30) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: one("endpoint"),
      events: fc.constantFrom<("*" | WebhookEventType)[]>(["*"], ["job.started"], ["job.succeeded"]),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("again", "again", "back", "toggle", "delete", "replay", "test", "remove"),
      which: nat(30),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("elapse", "lose", "reap", "forget") }) },
)

const followings: readonly AfterTry[] = [
  { kind: "delivered" },
  { kind: "delivered" },
  { kind: "again", inMs: 0, restMs: 0 },
  { kind: "again", inMs: 60_000, restMs: 0 },
  { kind: "again", inMs: 60_000, restMs: 60_000 },
  { kind: "exhausted", restMs: 0 },
  { kind: "gone" },
]
const tried = { at: new Date(0), statusCode: 200, ms: 1, error: null, response: null }
const pick = <Item>(from: readonly Item[], which: number) => from[which % Math.max(1, from.length)]

const key = (name: string) => `${prefix}:${name}`

/** Plays senders that die, come back late and record what they have lost. */
function createPlayer(redis: Redis, ledger: Ledger) {
  const jobs: { id: string; epoch: number }[] = []
  const endpoints: string[] = []
  const taken: TakenDelivery[] = []

  async function start(own: boolean): Promise<void> {
    const webhook = own ? { url: "https://own.example/", events: ["*" as const] } : undefined
    const submitted = await ledger.submit({
      job: newJob({ tenant, ...(webhook ? { webhook } : {}) }),
      idempotency: undefined,
    })
    for (const task of submitted.kind === "created" ? submitted.ready : []) {
      const begun = await ledger.begin(task)
      if (begun.kind === "begun") jobs.push({ id: task.id, epoch: begun.epoch })
    }
  }

  async function end(job: { id: string; epoch: number }): Promise<void> {
    await ledger.settle(job, succeeded)
  }

  async function take(most: number): Promise<void> {
    const { taken: more } = await ledger.deliveries.take({ most, slots: 2, leaseMs: 60_000 })
    for (const each of more) {
      const { enabled } = await redis.hgetall(key(`endpoint:${each.endpoint}`))
      assert.equal(enabled, "1", "what is disabled gets nothing")
    }
    taken.push(...more)
  }

  async function record(delivery: TakenDelivery, next: AfterTry): Promise<void> {
    const lease = await redis.hget(key(`delivery:${delivery.id}`), "lease")
    const isOurs =
      lease === String(delivery.lease) && (await redis.zscore(key("hook-lease"), delivery.id)) !== null
    const { kind } = await ledger.deliveries.record(delivery, tried, next)
    assert.equal(kind, isOurs ? "recorded" : "fenced")
  }

  /** Everything that waits for a time has waited. */
  async function elapse(): Promise<void> {
    for (const lane of await redis.keys(key("hook-due:*"))) {
      for (const id of await redis.zrange(lane, "0", "-1")) await redis.zadd(lane, 1, id)
      await redis.zadd(key("hook-ring"), 1, lane.slice(key("hook-due:").length))
    }
    for (const endpoint of await redis.keys(key("endpoint:*"))) await redis.hdel(endpoint, "rest")
  }

  async function makeOld(name: string): Promise<void> {
    for (const id of await redis.zrange(key(name), "0", "-1")) await redis.zadd(key(name), 1, id)
    await ledger.deliveries.reap()
  }

  async function intervene(what: Intervention, which: number): Promise<unknown> {
    const endpoint = pick(endpoints, which) ?? "whe_none"
    const delivery = pick(taken, which)
    const job = pick(jobs, which)
    switch (what) {
      case "end":
        return job && end(job)
      case "remove":
        return job && ledger.remove([job.id])
      case "again":
        return delivery && ledger.deliveryLog.again(tenant, delivery.id)
      case "back":
        return delivery && ledger.deliveries.giveBack(delivery)
      case "toggle": {
        const known = await ledger.webhookEndpoints.read(tenant, endpoint)
        return known && ledger.webhookEndpoints.change(tenant, endpoint, { enabled: !known.enabled })
      }
      case "delete":
        return ledger.webhookEndpoints.remove(tenant, endpoint)
      case "test":
        return ledger.deliveryLog.test(tenant, endpoint, { nonce: crypto.randomUUID(), data: {} })
      case "replay": {
        const time = { since: new Date(0), until: new Date(Date.now() + 1_000) }
        const asked = { endpoint, ...time, types: ["*"], status: undefined, dryRun: false }
        return ledger.events.replay(tenant, asked, AbortSignal.timeout(10_000))
      }
    }
  }

  async function play(step: Command): Promise<unknown> {
    switch (step.do) {
      case "start":
        for (let n = 0; n <= step.many; n += 1) await start(step.own)
        return
      case "take":
        return take(step.many + 1)
      case "record": {
        const delivery = pick(taken.toReversed(), step.which)
        const next = followings[step.how]
        return delivery && next && record(delivery, next)
      }
      case "endpoint": {
        const asked = { url: "https://a.example/", description: "", enabled: true, headers: {} }
        const made = await ledger.webhookEndpoints.create(tenant, { ...asked, events: step.events })
        if (made.kind === "created") endpoints.push(made.endpoint.id)
        return
      }
      case "elapse":
        return elapse()
      case "lose":
        return makeOld("hook-lease")
      case "reap":
        return ledger.deliveries.reap()
      case "forget":
        return makeOld("hook-retention")
      case "end":
      case "again":
      case "back":
      case "toggle":
      case "delete":
      case "replay":
      case "test":
      case "remove":
        return intervene(step.do, step.which)
    }
  }

  /** Whatever happened: when everybody answers, nothing is left waiting. */
  async function drain(): Promise<void> {
    for (let round = 0; round < 300; round += 1) {
      await makeOld("hook-lease")
      await elapse()
      const { taken: more } = await ledger.deliveries.take({ most: 50, slots: 5, leaseMs: 60_000 })
      for (const each of more) await record(each, { kind: "delivered" })
      if (more.length === 0 && (await redis.keys(key("hook-due:*"))).length === 0) {
        assert.deepEqual(await redis.keys(key("hook-chain:*")), [])
        return
      }
    }
    assert.fail("deliveries are stuck")
  }

  return { play, drain }
}

let server: Awaited<ReturnType<typeof startRedis>>
before(async () => {
  server = await startRedis()
})
after(() => server[Symbol.asyncDispose]())

test("whatever senders and tenants do in whatever order, every delivery has one place and can end", async () => {
  const { redis } = server
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 50 }), async (steps) => {
      await redis.flushall()
      const ledger = createLedger({ redis, prefix: "model", retentionMs: 60_000, vault: plainVault })
      await ledger.beat("w", 20, 60_000)
      const player = createPlayer(redis, ledger)
      for (const step of steps) {
        await player.play(step)
        await audit(redis, prefix)
      }
      await player.drain()
      await audit(redis, prefix)
    }),
    boundedRuns(20),
  )
})
