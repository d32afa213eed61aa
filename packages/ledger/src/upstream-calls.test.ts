import assert from "node:assert/strict"
import { after, before, beforeEach, suite, test } from "node:test"

import type { Account, CallAnswer } from "@kiln/jobs"
import type { Redis } from "ioredis"

import { createLedger, type Ledger } from "./ledger.ts"
import { startRedis } from "./testing/private-redis.ts"
import { travel } from "./testing/travel.ts"

const windowMs = 60_000
let redis: Redis
let server: Awaited<ReturnType<typeof startRedis>>
let ledger: Ledger
let made = 0

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

let passedMs = 0
async function pass(ms: number): Promise<void> {
  await travel(redis, "{test}", ms)
  passedMs += ms
}
/** What passed, and what this test takes itself. */
const clock = () => Date.now() + passedMs
const account = (change: Partial<Account> = {}): Account => ({
  project: "p1",
  rpm: null,
  rpd: null,
  windowMs,
  ...change,
})
type Asked = Partial<Parameters<Ledger["takeCall"]>[0]>
const take = (accounts: readonly Account[], change: Asked = {}): Promise<CallAnswer> =>
  ledger.takeCall({
    model: "m",
    job: "job_1",
    call: `call_${made++}`,
    isFurther: false,
    aheadMs: 0,
    accounts,
    ...change,
  })

/** An upstream that takes `limit` calls in any window, in a time of its own. */
function createUpstream(limitAt: (sinceMs: number) => number) {
  const startedAt = clock()
  const taken: number[] = []
  let refused = 0
  return {
    taken,
    refused: () => refused,
    /** Milliseconds until there is room again; 0: taken. */
    call(now: number): number {
      const recent = taken.filter((at) => at > now - windowMs)
      const freed = recent.at(-limitAt(now - startedAt))
      if (freed === undefined) {
        taken.push(now)
        return 0
      }
      refused += 1
      return freed + windowMs - now
    },
  }
}

/** Makes calls as fast as they are given, as one busy worker would; answers when the last was made. */
async function drain(
  calls: number,
  accounts: readonly Account[],
  upstream: ReturnType<typeof createUpstream>,
  { tells }: { tells?: number } = {},
): Promise<number> {
  const startedAt = clock()
  while (upstream.taken.length < calls) {
    const call = `call_${made++}`
    const answer = await take(accounts, { call })
    if (answer.kind === "wait") {
      await pass(answer.inMs)
      continue
    }
    const waitMs = upstream.call(clock())
    const used = accounts.find(({ project }) => project === answer.project)
    assert.ok(used)
    const taken = { model: "m", account: used, call, at: answer.at }
    if (waitMs > 0) await ledger.endCall(taken, { kind: "refused", retryAfterMs: waitMs, limit: tells })
  }
  return clock() - startedAt
}

suite("a quota", () => {
  test("that is known is filled and never overrun", async () => {
    const upstream = createUpstream(() => 20)
    const tookMs = await drain(200, [account({ rpm: 20 })], upstream)
    assert.equal(upstream.refused(), 0)
    assert.ok(tookMs <= 9 * windowMs * 1.05, `${tookMs / windowMs} windows`)
  })

  test("that is not known is found out with few refusals, told or not", async () => {
    for (const tells of [20, undefined]) {
      await redis.flushall()
      const upstream = createUpstream(() => 20)
      const tookMs = await drain(200, [account()], upstream, tells === undefined ? {} : { tells })
      assert.ok(upstream.refused() <= (tells ? 2 : 10), `${upstream.refused()} refusals`)
      assert.ok(tookMs <= 9 * windowMs * 1.2, `${tookMs / windowMs} windows`)
    }
  })

  test("that halves on the way is followed, and so is one that doubles", async () => {
    const halves = createUpstream((ms) => (ms < 3 * windowMs ? 20 : 10))
    const halvedMs = await drain(140, [account()], halves)
    assert.ok(halves.refused() <= 5, `${halves.refused()} refusals`)
    assert.ok(halvedMs <= 11 * windowMs * 1.2, `${halvedMs / windowMs} windows`)
    await redis.flushall()
    const doubles = createUpstream((ms) => (ms < 3 * windowMs ? 10 : 20))
    await drain(300, [account()], doubles)
    const last = doubles.taken.slice(-40)
    const pace = (39 * windowMs) / ((last.at(-1) ?? 0) - (last[0] ?? 0))
    assert.ok(pace > 17, `${pace} calls a window`)
  })

  test("that was found out is remembered by whoever comes later, for days", async () => {
    const upstream = createUpstream(() => 20)
    await drain(60, [account()], upstream)
    const atFirst = upstream.refused()
    ledger = createLedger({ redis, prefix: "test", retentionMs: 60_000 })
    await pass(2 * windowMs)
    await drain(80, [account()], upstream)
    assert.equal(upstream.refused(), atFirst)
    assert.ok((await redis.pttl("{test}:account:p1:m")) > 6 * 86_400_000)
  })

  test("that stays as it is is felt for more and more seldom", async () => {
    const upstream = createUpstream(() => 20)
    await drain(400, [account()], upstream)
    const early = upstream.refused()
    await drain(800, [account()], upstream)
    assert.ok(upstream.refused() - early <= 3, `${early} refusals, then ${upstream.refused() - early}`)
  })

  test("counts a call from when it went, not from when it was taken", async () => {
    const [own] = [account({ rpm: 1 })]
    const taken = await take([own], { call: "slow" })
    assert.ok(taken.kind === "go")
    await pass(20_000)
    await ledger.endCall({ model: "m", account: own, call: "slow", at: taken.at }, { kind: "late" })
    await pass(windowMs - 10_000)
    const next = await take([own])
    assert.ok(next.kind === "wait" && next.inMs > 9_000 && next.inMs < 12_000, JSON.stringify(next))
  })

  test("is not believed to be lower because calls were late on their way", async () => {
    const own = account({ rpm: 20 })
    for (let n = 0; n < 20; n++) await take([own])
    await pass(windowMs * 1.02)
    const early = await take([own], { call: "early" })
    assert.ok(early.kind === "go")
    const refused = { kind: "refused", retryAfterMs: 500, limit: 20 } as const
    await ledger.endCall({ model: "m", account: own, call: "early", at: early.at }, refused)
    await pass(501)
    for (let n = 0; n < 19; n++) assert.equal((await take([own])).kind, "go")
    assert.equal((await take([own])).kind, "wait")
  })

  test("of several projects is the sum of theirs", async () => {
    const upstreams = { p1: createUpstream(() => 10), p2: createUpstream(() => 10) }
    const accounts = [account({ rpm: 10 }), account({ project: "p2", rpm: 10 })]
    const startedAt = clock()
    for (let calls = 0; calls < 100;) {
      const answer = await take(accounts)
      if (answer.kind === "go") {
        assert.equal(upstreams[answer.project as "p1"].call(clock()), 0)
        calls += 1
      } else {
        await pass(answer.inMs)
      }
    }
    const tookMs = clock() - startedAt
    assert.ok(tookMs <= 4 * windowMs * 1.05, `${tookMs / windowMs} windows`)
    assert.ok(Math.abs(upstreams.p1.taken.length - 50) <= 10)
  })
})
