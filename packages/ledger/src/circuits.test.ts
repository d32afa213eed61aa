import assert from "node:assert/strict"
import { after, before, beforeEach, test } from "node:test"

import { circuitPolicy, laneOf, type Settlement, type UpstreamHealth } from "@kiln/jobs"
import type { Redis } from "ioredis"

import type { Handover } from "./handover.ts"
import { createLedger, type Ledger } from "./ledger.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob } from "./testing/sample-job.ts"

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
  ledger = createLedger({ redis, prefix: "test", retentionMs: 60_000, heldMs: 0 })
  await ledger.beat("w", 50, 60_000)
})

type Again = Extract<Settlement, { kind: "again" }>
const again = (change: Partial<Again> = {}): Again => ({
  kind: "again",
  outcome: "upstream_overloaded",
  delayMs: 0,
  free: false,
  blockedBy: null,
  abandoned: new Map(),
  successor: null,
  ...change,
})
const succeeded: Settlement = {
  kind: "end",
  status: "succeeded",
  outcome: "succeeded",
  error: null,
  shortfall: null,
}

async function submit(lane = "m", tenant = "acme") {
  const job = newJob({ tenant, model: lane.split(">")[0] ?? lane, lane })
  const answer = await ledger.submit({ job, idempotency: undefined })
  assert.equal(answer.kind, "created")
  return { id: job.id, ready: answer.kind === "created" ? answer.ready : [] }
}

async function begin(task: Handover | undefined) {
  assert.ok(task, "nothing was handed over")
  const begun = await ledger.begin(task)
  assert.ok(begun.kind === "begun")
  return { id: task.id, epoch: begun.epoch, record: begun.record }
}

async function settle(
  run: { id: string; epoch: number },
  settlement: Settlement,
  health: UpstreamHealth | null,
): Promise<Handover[]> {
  const end = {
    settlement,
    upstreamStatus: null,
    charged: "no",
    text: null,
    textKey: null,
    warned: [],
  } as const
  const spent = { calls: 0, input: 0, output: 0, costNanoUsd: 0 }
  const settled = await ledger.settle(run, { ...end, spent, health })
  return settled.kind === "settled" ? settled.ready : []
}

const read = async (id: string) => {
  const record = await ledger.read(id)
  assert.ok(record)
  return record
}
const blockedBy = async (id: string) => (await ledger.place(await read(id))).blockedBy
const elapse = () => redis.hset("{test}:rest", "m", "1|over")
const restMs = async () => Number((await redis.hget("{test}:rest", "m"))?.split("|")[0]) - Date.now()

/** Begins so many jobs at once, so that each still runs when the circuit opens. */
async function running(count: number, lane = "m") {
  const runs = []
  for (let n = 0; n < count; n++) runs.push(await begin((await submit(lane)).ready[0]))
  return runs
}

/** Five attempts in a row find the model overloaded; answers the jobs, which wait for another attempt. */
async function open(lane = "m") {
  const runs = await running(circuitPolicy.mostOverloads, lane)
  for (const run of runs) await settle(run, again({ delayMs: 3_600_000 }), "overloaded")
  return runs
}

test("overloads in a row rest the model for every job, and other models go on", async () => {
  await open()
  const [waiting, other] = [await submit("m"), await submit("n")]
  assert.deepEqual(waiting.ready, [])
  assert.equal(await blockedBy(waiting.id), "upstream_overloaded")
  assert.equal(other.ready[0]?.id, other.id)
})

test("an answer between them, or a long time, makes a row begin anew", async () => {
  const runs = await running(2 * circuitPolicy.mostOverloads)
  for (const [n, run] of runs.entries()) {
    if (n === 4) await settle(run, succeeded, "answered")
    else if (n === 8) {
      const [, ...rest] = (await redis.hget("{test}:circuits", "m"))?.split("|").slice(1) ?? []
      await redis.hset("{test}:circuits", "m", ["4", Date.now() - circuitPolicy.rowMs - 1, ...rest].join("|"))
      await settle(run, again(), "overloaded")
    } else await settle(run, again(), "overloaded")
  }
  assert.equal(await redis.hget("{test}:rest", "m"), null)
})

test("when the rest is over one job tries, the others wait for what it learns", async () => {
  await open()
  const [first, second] = [await submit(), await submit()]
  await elapse()
  const ready = await ledger.dispatch()
  assert.deepEqual(
    ready.map(({ id }) => id),
    [first.id],
  )
  assert.deepEqual(await ledger.dispatch(), [])
  assert.equal(await blockedBy(second.id), "upstream_overloaded")
  const next = await settle(await begin(ready[0]), succeeded, "answered")
  assert.equal(next[0]?.id, second.id)
  assert.equal(await redis.hlen("{test}:circuits"), 0)
})

test("a trial that fails doubles the rest, up to the longest", async () => {
  await open()
  for (const expected of [20_000, 40_000, 80_000, 160_000, 300_000, 300_000]) {
    await submit()
    await elapse()
    await settle(await begin((await ledger.dispatch())[0]), again({ delayMs: 3_600_000 }), "overloaded")
    const rests = await restMs()
    assert.ok(rests > expected - 5_000 && rests <= expected, `${rests} is not ${expected}`)
  }
})

test("a trial that is canceled or removed, or learns nothing, lets another try", async () => {
  await open()
  const jobs = [await submit(), await submit(), await submit(), await submit()]
  await elapse()
  const [first] = await ledger.dispatch()
  await ledger.cancel(first?.id ?? "", "acme")
  const [second] = await ledger.dispatch()
  await ledger.remove([second?.id ?? ""])
  const [third] = await ledger.dispatch()
  const [fourth] = await settle(
    await begin(third),
    { ...succeeded, status: "canceled", outcome: "canceled" },
    null,
  )
  assert.deepEqual(
    [first, second, third, fourth].map((task) => task?.id),
    jobs.map(({ id }) => id),
  )
})

test("the trial of a worker that died stays the trial", async () => {
  await open()
  await submit()
  await submit()
  await elapse()
  const [trial] = await ledger.dispatch()
  await begin(trial)
  await redis.zadd("{test}:lease", 1, trial?.id ?? "")
  assert.deepEqual(await ledger.sweep(), [trial])
  const run = await begin(trial)
  assert.equal((await settle(run, succeeded, "answered")).length, 1)
})

test("who fails while the circuit is open loses no attempt and waits; what it opened with counts", async () => {
  const late = (await running(2))[0]
  const [opener] = await open()
  assert.ok(late && opener)
  await settle(late, again({ delayMs: 3_600_000 }), "overloaded")
  assert.deepEqual([(await read(late.id)).tries, (await read(opener.id)).tries], [0, 1])
  assert.equal(await redis.zscore("{test}:later", late.id), null)
  assert.equal(await blockedBy(late.id), "upstream_overloaded")
})

test("what was handed over before the pause waits again, and costs no attempt", async () => {
  const early = await submit("m>n")
  const alone = await submit("m")
  await open()
  assert.equal((await ledger.begin(early.ready[0] ?? { id: "", turn: 0 })).kind, "stale")
  const { record } = await begin((await ledger.dispatch())[0])
  assert.deepEqual([record.id, record.model, record.attempts.length], [early.id, "n", 1])
  assert.equal((await ledger.begin(alone.ready[0] ?? { id: "", turn: 0 })).kind, "stale")
  assert.deepEqual([(await read(alone.id)).attempts, await blockedBy(alone.id)], [[], "upstream_overloaded"])
})

test("what was handed over before a quota was used up waits for it", async () => {
  const { id, ready } = await submit()
  await redis.hset("{test}:rest", "m", `${Date.now() + 60_000}|upstream_rpd`)
  assert.equal((await ledger.begin(ready[0] ?? { id: "", turn: 0 })).kind, "stale")
  assert.equal(await blockedBy(id), "upstream_rpd")
})

test("what was handed over before the pause waits for another job's trial", async () => {
  const { ready } = await submit()
  await open()
  await submit()
  await elapse()
  const [trial] = await ledger.dispatch()
  assert.equal((await ledger.begin(ready[0] ?? { id: "", turn: 0 })).kind, "stale")
  await begin(trial)
})

test("a trial that has gone to another model is over", async () => {
  await open()
  await elapse()
  const trial = await begin((await submit("m>n")).ready[0])
  const ready = await settle(trial, again({ successor: { model: "n", reason: "upstream_rpd" } }), null)
  assert.equal(ready[0]?.id, trial.id)
  assert.equal((await submit("m")).ready.length, 1)
})

test("calls that were under way when the model was gone do not make it gone for longer", async () => {
  const runs = await running(3)
  for (const run of runs) {
    await settle(run, { ...succeeded, status: "failed", outcome: "model_unavailable" }, "gone")
  }
  assert.match((await redis.hget("{test}:circuits", "m")) ?? "", /\|1\|model_unavailable\|$/)
})

test("an answer from before the pause does not close the circuit", async () => {
  const early = (await running(1))[0]
  await open()
  assert.ok(early)
  await settle(early, succeeded, "answered")
  assert.deepEqual((await submit()).ready, [])
})

test("a job that has another model does not wait for one that rests long, and the others still do", async () => {
  const lane = laneOf("m", [{ model: "n", isSuccessor: false }])
  for (const reason of ["upstream_rpd", "upstream_overloaded", "model_unavailable"]) {
    await redis.hset("{test}:rest", "m", `${Date.now() + 60_000}|${reason}`)
    const { record } = await begin((await submit(lane)).ready[0])
    assert.deepEqual([record.model, record.lane, record.requestedModel, record.tries], ["n", "n", "m", 1])
    assert.equal(record.attempts[0]?.model, "n")
    assert.match(record.warned[0]?.detail ?? "", /^m .+; n takes over$/)
  }
  await redis.hset("{test}:rest", "m", `${Date.now() + 60_000}|upstream_rpm`)
  assert.deepEqual((await submit(lane)).ready, [])
})

test("the first model that can be called takes over, and what was passed is not asked again", async () => {
  const lane = "m>n,o,~p"
  const rests = { m: "upstream_overloaded", n: "upstream_rpd" }
  for (const [model, why] of Object.entries(rests)) {
    await redis.hset("{test}:rest", model, `${Date.now() + 60_000}|${why}`)
  }
  const { record } = await begin((await submit(lane)).ready[0])
  assert.deepEqual([record.model, record.lane], ["o", "o>~p"])
  await redis.hset("{test}:rest", "o", `${Date.now() + 60_000}|upstream_overloaded`)
  const { id, ready } = await submit(lane)
  assert.deepEqual(ready, [])
  await redis.hdel("{test}:rest", "m")
  const back = await begin((await ledger.dispatch())[0])
  assert.deepEqual([back.id, back.record.model, back.record.lane], [id, "m", lane])
})

test("a successor takes over only from a model that is gone", async () => {
  await redis.hset("{test}:rest", "m", `${Date.now() + 60_000}|upstream_rpd`)
  assert.deepEqual((await submit("m>~n")).ready, [])
  await redis.hset("{test}:rest", "m", `${Date.now() + 60_000}|model_unavailable`)
  const { record } = await begin((await ledger.dispatch())[0])
  assert.deepEqual([record.model, record.isHopeless], ["n", false])
})

test("a job whose models are all gone is given to a worker to be ended, one whose other rests waits", async () => {
  for (const model of ["m", "n"]) await ledger.judgeModel(model, "gone")
  for (const lane of ["m", "m>n"]) {
    const { record } = await begin((await submit(lane)).ready[0])
    assert.deepEqual([record.model, record.isHopeless], ["m", true])
  }
  await redis.hset("{test}:rest", "n", `${Date.now() + 60_000}|upstream_rpm`)
  assert.deepEqual((await submit("m>n")).ready, [])
})

test("an attempt that leaves its model goes on with the other at once, with attempts of its own", async () => {
  const run = await begin((await submit("m>n,o")).ready[0])
  const leaving = again({ successor: { model: "n", reason: "upstream_overloaded" } })
  const ready = await settle(run, leaving, "overloaded")
  assert.equal(ready[0]?.id, run.id)
  const { record } = await begin(ready[0])
  assert.deepEqual([record.model, record.lane, record.tries], ["n", "n>o", 1])
  assert.deepEqual(
    record.attempts.map(({ model, outcome }) => [model, outcome]),
    [
      ["m", "upstream_overloaded"],
      ["n", null],
    ],
  )
  assert.match(record.warned[0]?.detail ?? "", /^m is overloaded; n takes over$/)
})

test("a daily quota rests the model whose accounts have none left, and other models take its jobs over", async () => {
  const account = { project: "p", rpm: null, rpd: null, windowMs: 60_000 }
  const asked = { model: "m", job: "job", call: "call", isFurther: false, aheadMs: 0, accounts: [account] }
  const taken = await ledger.takeCall(asked)
  assert.ok(taken.kind === "go")
  const until = new Date(Date.now() + 3_600_000)
  const call = { model: "m", account, call: "call", at: taken.at }
  await ledger.endCall(call, { kind: "parked", blockedBy: "upstream_rpd", until })
  const waiting = await submit("m")
  assert.deepEqual(waiting.ready, [])
  assert.equal(await blockedBy(waiting.id), "upstream_rpd")
  const { record } = await begin((await submit("m>n")).ready[0])
  assert.equal(record.model, "n")
  assert.match(record.warned[0]?.detail ?? "", /^m has no quota left today; n takes over$/)
})

test("a retry begins with the model that was asked for", async () => {
  const run = await begin((await submit("m>n")).ready[0])
  const [task] = await settle(run, again({ successor: { model: "n", reason: "model_unavailable" } }), null)
  await settle(await begin(task), { ...succeeded, status: "failed", outcome: "internal" }, null)
  const retried = await ledger.retry(run.id, "acme")
  const { record } = await begin(retried.kind === "queued" ? retried.ready[0] : undefined)
  assert.deepEqual([record.model, record.lane], ["m", "m>n"])
})

test("what the upstream says of its models is known to all, and taken back when it serves them again", async () => {
  assert.equal(await ledger.judgeModel("m", "served"), "same")
  assert.equal(await ledger.judgeModel("m", "gone"), "gone")
  assert.equal(await ledger.judgeModel("m", "gone"), "same")
  assert.deepEqual([...(await ledger.goneModels())], ["m"])
  assert.equal(await ledger.judgeModel("m", "served"), "back")
  assert.deepEqual([...(await ledger.goneModels())], [])
  assert.equal((await submit()).ready.length, 1)
})

test("a call that finds the model gone marks it, and one job asks again when the time is over", async () => {
  const [run] = await running(1)
  assert.ok(run)
  await settle(run, { ...succeeded, status: "failed", outcome: "model_unavailable" }, "gone")
  assert.ok((await restMs()) > circuitPolicy.goneMs - 5_000)
  assert.equal((await begin((await submit()).ready[0])).record.isHopeless, true)
  await elapse()
  const [first, second] = [await submit(), await submit()]
  assert.deepEqual([first.ready.length, second.ready.length], [1, 0])
  const trial = await begin(first.ready[0])
  assert.equal(trial.record.isHopeless, false)
  const [next] = await settle(trial, { ...succeeded, status: "failed", outcome: "model_unavailable" }, "gone")
  assert.equal((await begin(next)).record.isHopeless, true)
})

test("one worker asks for the models in each period", async () => {
  const ask = (mostMs: number) =>
    Promise.all(["a", "b", "c"].map((worker) => ledger.takeModelRound(worker, mostMs)))
  assert.equal((await ask(60_000)).filter(Boolean).length, 1)
  await ledger.endModelRound("a", 3_600_000)
  assert.equal((await ask(60_000)).filter(Boolean).length, 0)
  assert.ok((await redis.pttl("{test}:model-round")) > 3_500_000)
})
