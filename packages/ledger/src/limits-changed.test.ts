import assert from "node:assert/strict"
import { after, before, beforeEach, test } from "node:test"

import type { Account } from "@kiln/jobs"

import type { Handover } from "./handover.ts"
import { createLedger, type Ledger } from "./ledger.ts"
import { noLimits } from "./limits.ts"
import { audit } from "./testing/audit.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob, output, succeeded } from "./testing/sample-job.ts"
import { travel } from "./testing/travel.ts"

let server: Awaited<ReturnType<typeof startRedis>>
let ledger: Ledger
before(async () => {
  server = await startRedis()
})
after(() => server[Symbol.asyncDispose]())
beforeEach(async () => {
  await server.redis.flushall()
  ledger = createLedger({ redis: server.redis, prefix: "l", retentionMs: 60_000 })
  await ledger.beat("w", 500, 60_000)
})

const account = (rpm: number): Account => ({ project: "p", rpm, rpd: null, windowMs: 60_000 })
const restart = (rpm: number) => ledger.offerAccounts("m", [account(rpm)], { frees: true })

const limit = (limits: Partial<typeof noLimits>, tenant = "acme") =>
  ledger.limits.put(tenant, { ...noLimits, ...limits })

async function submit(count: number, change: Parameters<typeof newJob>[0] = {}) {
  const ready: Handover[] = []
  const kinds: string[] = []
  for (let n = 0; n < count; n++) {
    const answer = await ledger.submit({ job: newJob({ tenant: "acme", ...change }), idempotency: undefined })
    kinds.push(answer.kind)
    if (answer.kind === "created") ready.push(...answer.ready)
  }
  return { ready, kinds }
}

/** Makes the job's image; answers which jobs have their turn then. */
async function finish(task: Handover, costNanoUsd = 0): Promise<Handover[]> {
  const begun = await ledger.begin(task)
  assert.ok(begun.kind === "begun")
  const run = { id: task.id, epoch: begun.epoch }
  await ledger.keep({ ...run, index: 0, output, spent: { calls: 1, input: 9, output: 1, costNanoUsd } })
  const settled = await ledger.settle(run, succeeded)
  assert.ok(settled.kind === "settled")
  return settled.ready
}

test("a tenant that may run fewer jobs than it runs gets no turn until so many have ended, and more as soon as it may", async () => {
  await limit({ parallel_jobs: 4 })
  const { ready } = await submit(10)
  const [first, second, third, fourth] = ready
  assert.ok(first && second && third && fourth && ready.length === 4)
  await limit({ parallel_jobs: 1 })
  for (const task of [first, second, third]) assert.deepEqual(await finish(task), [])
  assert.deepEqual(await ledger.dispatch(), [])
  const next = await finish(fourth)
  assert.equal(next.length, 1)
  await limit({ parallel_jobs: 3 })
  const more = await ledger.dispatch()
  assert.equal(more.length, 2)
  await limit({})
  assert.equal((await ledger.dispatch()).length, 3, "all that are left")
  await audit(server.redis, "{l}")
})

test("a weight that changes while jobs wait counts from the next turn on", async () => {
  await server.redis.set("{l}:window", 0)
  await submit(200)
  await submit(200, { tenant: "other" })
  const turns = async (count: number) => {
    const out = await server.redis.zcard("{l}:lease")
    await server.redis.set("{l}:window", out + count)
    const given = await ledger.dispatch()
    const tenants = await Promise.all(given.map(async ({ id }) => (await ledger.read(id))?.tenant))
    return tenants.filter((tenant) => tenant === "acme").length
  }
  const even = await turns(40)
  assert.ok(even >= 19 && even <= 21, `${even} of 40`)
  await limit({ weight: 3 })
  const many = await turns(40)
  assert.ok(many >= 29 && many <= 31, `${many} of 40`)
  await limit({ weight: 1 })
  await limit({ weight: 3 }, "other")
  const few = await turns(40)
  assert.ok(few >= 9 && few <= 11, `${few} of 40`)
  await audit(server.redis, "{l}")
})

test("a budget that is set below what is set aside refuses what is new and leaves alone what was accepted", async () => {
  await limit({ daily_budget_usd: 1 })
  const cost = 100_000_000
  const { ready, kinds } = await submit(6, { estimateNanoUsd: cost })
  assert.ok(kinds.every((kind) => kind === "created"))
  await limit({ daily_budget_usd: 0.25 })
  assert.equal((await submit(1, { estimateNanoUsd: cost })).kinds[0], "unaffordable")
  for (const task of ready) await finish(task, cost)
  assert.deepEqual(await ledger.usage.standing("acme", new Date()), {
    day: 6 * cost,
    month: 6 * cost,
    reserved: 0,
  })
  assert.equal((await submit(1, { estimateNanoUsd: cost })).kinds[0], "unaffordable")
  await limit({ daily_budget_usd: 0.7 })
  assert.deepEqual((await submit(2, { estimateNanoUsd: cost })).kinds, ["created", "unaffordable"])
  await audit(server.redis, "{l}")
})

test("a limit of the upstream that differs after a restart counts the calls that are in the window", async () => {
  const { ready } = await submit(40)
  const jobs = ready.map(({ id }) => id).values()
  async function callAll(rpm: number): Promise<number> {
    for (let calls = 0; ; calls++) {
      const job = jobs.next().value ?? "none is left"
      const asked = { model: "m", job, call: job, isFurther: false, aheadMs: 0, accounts: [account(rpm)] }
      if ((await ledger.takeCall(asked)).kind === "wait") return calls
    }
  }
  await restart(10)
  const first = await callAll(10)
  assert.ok(first > 0 && first <= 10, `${first} calls`)
  await restart(4)
  assert.equal(await callAll(4), first < 4 ? 4 - first : 0)
  await restart(20)
  const then = await callAll(20)
  assert.ok(then > 0 && first + then <= 20, `${first} and ${then} calls`)
  await travel(server.redis, "{l}", 61_000)
  await restart(4)
  const last = await callAll(4)
  assert.ok(last > 0 && last <= 4, `${last} calls`)
})
