import assert from "node:assert/strict"
import { after, before, beforeEach, test } from "node:test"

import type { Account, CallEnd } from "@kiln/jobs"
import type { Redis } from "ioredis"

import type { Handover } from "./handover.ts"
import { createLedger, type Ledger } from "./ledger.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob } from "./testing/sample-job.ts"
import { travel } from "./testing/travel.ts"

const account: Account = { project: "p", rpm: 10, rpd: null, windowMs: 60_000 }
let redis: Redis
let server: Awaited<ReturnType<typeof startRedis>>
let ledger: Ledger

before(async () => {
  server = await startRedis()
  redis = server.redis
})
after(() => server[Symbol.asyncDispose]())
beforeEach(async () => {
  await redis.flushall()
  ledger = createLedger({ redis, prefix: "test", retentionMs: 60_000 })
  await ledger.beat("w", 500, 60_000)
})

const offer = (...accounts: Account[]) => ledger.offerAccounts("m", accounts, { frees: false })
const pass = (ms: number) => travel(redis, "{test}", ms)

async function submit(tenant: string, count = 1): Promise<Handover[]> {
  const ready: Handover[] = []
  for (let n = 0; n < count; n++) {
    const answer = await ledger.submit({ job: newJob({ tenant }), idempotency: undefined })
    if (answer.kind === "created") ready.push(...answer.ready)
  }
  return ready
}

/** Waits for its turn with everything else: submits while nothing is handed over. */
async function line(tenant: string, count: number): Promise<void> {
  await redis.set("{test}:window", 0)
  await submit(tenant, count)
  await redis.set("{test}:window", 1_000)
}

const tenantOf = async ({ id }: Handover) => (await ledger.read(id))?.tenant

async function call(job: string, change: Partial<Parameters<Ledger["takeCall"]>[0]> = {}) {
  const asked = { model: "m", job, call: job, isFurther: false, aheadMs: 0, accounts: [account] }
  return ledger.takeCall({ ...asked, ...change })
}

async function end(name: string, how: CallEnd, of = account): Promise<void> {
  const at = Number(await redis.zscore(`{test}:calls:${of.project}:m`, name))
  await ledger.endCall({ model: "m", account: of, call: name, at }, how)
}

const outlook = async () => (await ledger.survey()).quotas.get("m")
const etaOf = async (id: string) => {
  const record = await ledger.read(id)
  assert.ok(record)
  const fresh = createLedger({ redis, prefix: "test", retentionMs: 60_000 })
  return (await fresh.place(record)).etaSeconds
}

async function blockedBy(id: string) {
  const record = await ledger.read(id)
  assert.ok(record)
  return (await ledger.place(record)).blockedBy
}

test("hardly any are handed over while no worker is there: who comes later is not behind them", async () => {
  await redis.flushall()
  const early = await submit("big", 50)
  assert.equal(early.length, 2)
  assert.deepEqual(await submit("small"), [])
  await ledger.beat("w", 500, 60_000)
  const [first, second] = await ledger.dispatch()
  assert.ok(first && second)
  assert.ok([await tenantOf(first), await tenantOf(second)].includes("small"))
})

test("no more jobs are handed over than there are calls, and those that are out count until they have called", async () => {
  await offer(account)
  await line("big", 100)
  const first = await ledger.dispatch()
  assert.equal(first.length, 5, "half of the window at once, where more is waiting than it takes")
  assert.deepEqual(await ledger.dispatch(), [])
  for (const { id } of first) assert.equal((await call(id)).kind, "go")
  assert.deepEqual(await ledger.dispatch(), [])
  await pass(10_500)
  assert.equal((await ledger.dispatch()).length, 1, "the rest is spread")
})

test("what fits into the window goes at once", async () => {
  await offer(account)
  await line("small", 10)
  assert.equal((await ledger.dispatch()).length, 10)
})

test("a tenant with thousands waiting does not delay another's single job by more than one call", async () => {
  await offer(account)
  await line("big", 3_000)
  let out = await ledger.dispatch()
  const later: string[] = []
  for (let round = 0; round < 40 && !later.includes("one"); round++) {
    for (const { id } of out) {
      assert.equal((await call(id)).kind, "go")
      if (round > 6) later.push((await tenantOf({ id, turn: 1 })) ?? "")
    }
    if (round === 6) await submit("one")
    await pass(6_100)
    out = await ledger.dispatch()
  }
  assert.ok(later.indexOf("one") >= 0 && later.indexOf("one") <= 1, later.join(" "))
})

test("a job's further images are not taken ahead of others that wait", async () => {
  await offer(account)
  await line("big", 50)
  const [first] = await ledger.dispatch()
  assert.ok(first)
  for (let n = 0; n < 5; n++) await call(first.id, { call: `call-${n}` })
  const ahead = { aheadMs: 30_000, call: "next" }
  assert.equal((await call(first.id, { ...ahead, isFurther: true })).kind, "wait")
  assert.equal((await call(first.id, ahead)).kind, "go")
})

test("the same call asked for again is one call, and one that was not sent is given back", async () => {
  const [a, b] = [await call("job"), await call("job")]
  assert.ok(a.kind === "go" && b.kind === "go")
  assert.deepEqual([a.at, await redis.zcard("{test}:calls:p:m")], [b.at, 1])
  await end("job", { kind: "unsent" })
  assert.equal(await redis.zcard("{test}:calls:p:m"), 0)
})

test("a call that was taken ahead is not due any more when its account was refused meanwhile", async () => {
  for (let n = 0; n < 10; n++) await call(`call-${n}`)
  const taken = await call("ahead", { aheadMs: 70_000 })
  assert.ok(taken.kind === "go" && taken.inMs > 50_000)
  const named = { model: "m", account, call: "ahead", at: taken.at }
  assert.equal(await ledger.isDue(named), true)
  await end("call-9", { kind: "refused", retryAfterMs: 90_000, limit: undefined })
  assert.equal(await ledger.isDue(named), false)
  assert.equal(await redis.zscore("{test}:calls:p:m", "ahead"), null)
})

test("a day that is counted is not overrun, and its jobs say so", async () => {
  const daily = { ...account, rpd: 3 }
  await offer(daily)
  for (let n = 0; n < 3; n++) assert.equal((await call(`c${n}`, { accounts: [daily] })).kind, "go")
  const held = await call("more", { accounts: [daily] })
  assert.ok(held.kind === "wait" && held.blockedBy === "upstream_rpd")
  const job = newJob()
  const answer = await ledger.submit({ job, idempotency: undefined })
  assert.deepEqual(answer.kind === "created" && answer.ready, [])
  assert.equal(await blockedBy(job.id), "upstream_rpd")
})

test("a refused key is tried by one call at a time, ever more seldom, and is whole when one is served", async () => {
  const auth = { kind: "parked", blockedBy: "upstream_auth", until: undefined } as const
  await offer(account)
  await call("first")
  await end("first", auth)
  for (const afterMs of [5_000, 20_000, 80_000, 320_000, 900_000, 900_000]) {
    await pass(afterMs - 1_000)
    const early = await call("early")
    assert.ok(early.kind === "wait" && early.blockedBy === "upstream_auth", `${afterMs}`)
    await pass(1_100)
    const probe = await call("probe")
    assert.ok(probe.kind === "go" && probe.isProbe)
    assert.equal((await call("beside")).kind, "wait")
    await end("probe", auth)
  }
  await pass(900_100)
  await call("last")
  await end("last", { kind: "served" })
  const free = await call("free")
  assert.ok(free.kind === "go" && !free.isProbe)
})

test("several refusals of one moment are one park", async () => {
  await Promise.all(["a", "b", "c"].map((name) => call(name)))
  for (const name of ["a", "b", "c"])
    await end(name, { kind: "parked", blockedBy: "upstream_billing", until: undefined })
  const held = await call("next")
  assert.ok(held.kind === "wait" && held.blockedBy === "upstream_billing" && held.inMs <= 5_000)
})

test("the lane rests only when all its accounts are parked, and a worker that starts frees them", async () => {
  const other = { ...account, project: "q" }
  const accounts = [account, other]
  await offer(...accounts)
  const until = new Date(Date.now() + 3_600_000)
  const park = { kind: "parked", blockedBy: "upstream_rpd", until } as const
  await call("a")
  await end("a", park)
  assert.equal((await submit("acme")).length, 1)
  const taken = await call("b", { accounts })
  assert.ok(taken.kind === "go" && taken.project === "q")
  await end("b", park, other)
  assert.deepEqual(await submit("acme"), [])
  await ledger.offerAccounts("m", accounts, { frees: true })
  assert.equal((await ledger.dispatch()).length, 1)
})

test("what the accounts of a model will take is seen without changing it, whether jobs wait or not", async () => {
  assert.equal(await outlook(), undefined)
  const daily = { ...account, project: "q", rpm: 20, rpd: 50 }
  await offer(account, daily, { ...account, project: "r", rpm: null })
  for (let n = 0; n < 7; n++) await call(`c${n}`)
  await call("d", { accounts: [daily] })
  const [own, other, unknown] = (await outlook())?.toSorted((a, b) => (a.limit ?? 99) - (b.limit ?? 99)) ?? []
  assert.deepEqual([own?.limit, own?.free, own?.ready, own?.leftToday], [10, 3, 1, null])
  assert.deepEqual([other?.limit, other?.leftToday, other?.callsADay], [20, 49, 50])
  assert.equal(unknown?.limit, null)
  await redis.hset("{test}:account:p:m", { limit: 5, raised: 0 })
  assert.equal((await outlook())?.find(({ limit }) => limit === 5)?.free, 1)
  assert.equal(await redis.hget("{test}:account:p:m", "limit"), "5")
})

const about = async (id: string, seconds: number) => {
  const told = await etaOf(id)
  assert.ok(told !== null && Math.abs(told - seconds) <= seconds * 0.1, `${told} s, not ${seconds}`)
}

test("jobs are told when the upstream takes their calls, an empty queue's first one as well", async () => {
  await offer(account)
  await redis.hset("{test}:paces", "m", "10000.0|20|1.00")
  for (let n = 0; n < 10; n++) await call(`c${n}`)
  const first = newJob()
  await ledger.submit({ job: first, idempotency: undefined })
  await about(first.id, 61 + 10)
  await line("big", 60)
  const last = newJob({ tenant: "big" })
  await redis.set("{test}:window", 0)
  await ledger.submit({ job: last, idempotency: undefined })
  await redis.set("{test}:window", 1_000)
  await about(last.id, (61 / 10) * 60 + 60 + 10)
  await end("c0", { kind: "parked", blockedBy: "upstream_rpd", until: new Date(Date.now() + 3_600_000) })
  await about(first.id, 3_600 + 10)
  const planned = newJob({ notBefore: new Date(Date.now() + 3_600_000) })
  await ledger.submit({ job: planned, idempotency: undefined })
  await about(planned.id, 3_600 + 10)
})

test("what an operator resumes is free at once, with the jobs that waited for it, and nothing else", async () => {
  const other: Account = { ...account, project: "q" }
  await offer(account, other)
  const until = new Date(Date.now() + 3_600_000)
  for (const [name, of] of [
    ["one", account],
    ["two", other],
  ] as const) {
    await call(name, { accounts: [of] })
    await end(name, { kind: "parked", blockedBy: "upstream_rpd", until }, of)
  }
  assert.deepEqual(
    (await ledger.accounts(["m", "n"])).map(({ account: name, calls, blocked }) => [
      name,
      calls,
      blocked?.by,
    ]),
    [
      ["p", 0, "upstream_rpd"],
      ["q", 0, "upstream_rpd"],
    ],
  )
  const waiting = newJob({ tenant: "a" })
  const planned = newJob({ tenant: "a", notBefore: until })
  for (const job of [waiting, planned]) await ledger.submit({ job, idempotency: undefined })
  await redis.zrem("{test}:pend:a:m", waiting.id)
  await redis.zadd("{test}:later", until.getTime(), waiting.id)
  await redis.hset(`{test}:job:${waiting.id}`, "blocked", "upstream_rpd")
  assert.deepEqual(await ledger.resumeAccounts(["n"]), { accounts: 0, jobs: 0 })
  assert.deepEqual(await ledger.resumeAccounts(["m"], "q"), { accounts: 1, jobs: 1 })
  const [first, second] = await ledger.accounts(["m"])
  assert.deepEqual([first?.blocked?.by, second?.blocked], ["upstream_rpd", null])
  assert.deepEqual(
    (await ledger.dispatch()).map(({ id }) => id),
    [waiting.id],
  )
  assert.equal((await call("three", { accounts: [account, other] })).kind, "go")
  assert.deepEqual(await ledger.resumeAccounts(["m"]), { accounts: 1, jobs: 0 })
})
