import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import { JobFailure, type JobError, type Priority, type TerminalStatus } from "@kiln/contract"
import {
  describeFailure,
  nanoUsdPerUsd,
  successorFor,
  type Account,
  type CallEnd,
  type Settlement,
  type UpstreamHealth,
} from "@kiln/jobs"
import * as fc from "fast-check"
import type { Redis } from "ioredis"

import type { BatchAct } from "./batches.ts"
import type { Handover } from "./handover.ts"
import { createLedger, type Ledger } from "./ledger.ts"
import { noLimits } from "./limits.ts"
import type { NewJob } from "./record.ts"
import { audit } from "./testing/audit.ts"
import { createBatchPlayer } from "./testing/batch-player.ts"
import { boundedRuns } from "./testing/bounded-runs.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob, output } from "./testing/sample-job.ts"
import { travel } from "./testing/travel.ts"

const prefix = "{model}"
const tenants = ["a", "b", "c"] as const
const lanes = ["m", "n", "m>n", "n>o,~p", "m>~o"] as const
const healths = [null, "answered", "overloaded", "gone"] as const
const limitedKey = "key_limited"
const keyBudget = 500
const nothingSpent = { calls: 0, input: 0, output: 0, costNanoUsd: 0 }

type Command =
  | {
      do: "submit"
      tenant: number
      lane: number
      priority: Priority
      later: boolean
      deadline: boolean
      /** 0: its price is not known. */
      estimate: number
      isKeyLimited: boolean
    }
  | { do: "dispatch" | "sweep" | "elapse" | "unrest" | "age" }
  | { do: "judge"; model: number; said: "served" | "gone" }
  | { do: "begin" | "cancel" | "retry" | "remove" | "expire"; which: number }
  | { do: "keep"; which: number; index: number }
  | { do: "settle"; which: number; how: number; calls: number; health: number }
  | { do: "beat"; jobs: number }
  | { do: "batch"; tenant: number; lane: number; items: number; parallel: number; estimate: number }
  | { do: "work" }
  | { do: "act"; which: number; act: BatchAct }
  | { do: "late"; which: number }
  | { do: "call"; which: number; came: number }
  | { do: "limit"; tenant: number; jobs: number; budget: number }

/** One model has a quota, so that its turns follow its calls. */
const accountModel = "n"
const account: Account = { project: "p", rpm: 3, rpd: 9, windowMs: 60_000 }
const callEnds: readonly (CallEnd | undefined)[] = [
  undefined,
  undefined,
  { kind: "unsent" },
  { kind: "refused", retryAfterMs: 1_000, limit: undefined },
  { kind: "parked", blockedBy: "upstream_auth", until: undefined },
  { kind: "parked", blockedBy: "upstream_rpd", until: new Date(Date.now() + 3_000_000) },
]

const nat = (max: number) => fc.nat({ max })
const one = <Name extends string>(name: Name) => fc.constant(name)
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: one("submit"),
      tenant: nat(2),
      lane: nat(4),
      priority: fc.constantFrom("high", "normal", "low"),
      later: fc.boolean(),
      deadline: fc.boolean(),
      estimate: nat(90),
      isKeyLimited: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: one("begin"), which: nat(40) }) },
  { weight: 3, arbitrary: fc.record({ do: one("keep"), which: nat(40), index: nat(2) }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: one("settle"), which: nat(40), how: nat(9), calls: nat(2), health: nat(3) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("cancel", "retry", "retry", "remove", "expire"),
      which: nat(40),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("dispatch", "sweep", "elapse", "unrest", "age") }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: one("judge"),
      model: nat(3),
      said: fc.constantFrom<("served" | "gone")[]>("served", "gone"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: one("beat"), jobs: nat(3) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: one("batch"),
      tenant: nat(2),
      lane: nat(4),
      items: fc.integer({ min: 1, max: 7 }),
      parallel: nat(3),
      estimate: nat(40),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: one("work") }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: one("act"),
      which: nat(9),
      act: fc.constantFrom("cancel", "pause", "resume", "resume", "retry", "retry"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: one("late"), which: nat(9) }) },
  { weight: 4, arbitrary: fc.record({ do: one("call"), which: nat(40), came: nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: one("limit"), tenant: nat(2), jobs: nat(2), budget: nat(200) }) },
)

const failed = describeFailure(new JobFailure("upstream_error", "no"))
const end = (status: TerminalStatus, error: JobError | null): Settlement => ({
  kind: "end",
  status,
  outcome: status === "succeeded" ? "succeeded" : "upstream_error",
  error,
  shortfall: error === null ? null : { requested: 2, delivered: 1, errors: [error] },
})
type Again = Extract<Settlement, { kind: "again" }>
const again = (
  delayMs: number,
  blockedBy: Again["blockedBy"],
  successor: Again["successor"] = null,
): Again => ({
  kind: "again",
  outcome: "upstream_error",
  delayMs,
  free: blockedBy !== null,
  blockedBy,
  abandoned: new Map(),
  successor,
})
const settlements: readonly Settlement[] = [
  end("succeeded", null),
  end("succeeded", failed),
  end("failed", failed),
  end("canceled", null),
  again(0, null),
  again(60_000, null),
  again(60_000, "upstream_rpm"),
]
/** Failures that bring another model, where there is one. */
const departures = [
  new JobFailure("upstream_overloaded", "no"),
  new JobFailure("model_unavailable", "no", { upstream: { status: 404 } }),
  new JobFailure("upstream_quota_exhausted", "no", { quota: "day" }),
]

/** How an attempt of a job in this lane ends. */
function settlementOf(how: number, lane: string): Settlement | undefined {
  const failure = departures[how - settlements.length]
  if (!failure) return settlements[how]
  const successor = successorFor(lane, failure, 2) ?? null
  const blockedBy = failure.quota === "day" ? "upstream_rpd" : null
  return again(60_000, blockedBy, successor)
}

const planOf = (lane: string) => ({ model: lane.split(">")[0] ?? lane, lane })
const pick = <Item>(from: readonly Item[], which: number) => from[which % Math.max(1, from.length)]
const turnOf = ({ id, turn }: Handover) => `${id}.${turn}`

/** A world that keeps every handing over and every execution, so that old ones come again at any time. */
function createPlayer(redis: Redis, ledger: Ledger) {
  const ids: string[] = []
  const tasks: Handover[] = []
  const runs: { id: string; epoch: number }[] = []
  const current = new Map<string, number>()
  const given = new Set<string>()
  const batches = createBatchPlayer({ redis, ledger, prefix, onItem: (id) => ids.push(id) })
  let spentCalls = 0
  let taken = 0

  function hand(ready: readonly Handover[]): void {
    for (const task of ready) {
      assert.ok(!given.has(turnOf(task)), `${turnOf(task)} was handed over twice`)
      given.add(turnOf(task))
      current.set(task.id, task.turn)
      tasks.push(task)
    }
  }

  /** What the limits and budgets of the job's tenant and key say to it. */
  async function expectedAnswer({ tenant, key, estimateNanoUsd: estimate }: NewJob) {
    const [queued, reserved, ofKey] = await redis.hmget(
      `${prefix}:tenant:${tenant}`,
      "queued",
      "reserved",
      `reserved|${key}`,
    )
    const limits = await ledger.limits.read(tenant)
    if (Number(queued) >= (limits.queued_jobs ?? Infinity)) return "full"
    const today = new Date().toISOString().slice(0, 10)
    const rows = await ledger.usage.read(tenant, today, today)
    const spent = rows.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0)
    const own = rows.reduce((sum, row) => sum + (row.key === key ? row.costNanoUsd : 0), 0)
    const daily = limits.daily_budget_usd
    const budgets = [
      ...(daily === null
        ? []
        : [{ most: Math.round(daily * nanoUsdPerUsd), used: spent + Number(reserved) }]),
      ...(key === limitedKey ? [{ most: keyBudget, used: own + Number(ofKey) }] : []),
    ]
    const fits = budgets.every(({ most, used }) => estimate !== null && used + estimate <= most)
    return fits ? "created" : "unaffordable"
  }

  async function begin(task: Handover): Promise<void> {
    const known = await ledger.read(task.id)
    const leased = (await redis.zscore(`${prefix}:lease`, task.id)) !== null
    const begun = await ledger.begin(task)
    const isCurrent = leased && current.get(task.id) === task.turn
    if (!isCurrent) assert.notEqual(begun.kind, "begun", `${turnOf(task)} is ${known?.status} and not out`)
    else if (begun.kind === "stale") {
      const lane = known?.batch ? `${known.lane}|${known.batch}` : known?.lane
      const place = await redis.zscore(`${prefix}:pend:${known?.tenant}:${lane}`, task.id)
      assert.ok(known?.status === "queued" && place !== null, `${turnOf(task)} was not put back`)
    } else assert.ok(begun.kind === "begun" || begun.kind === "ended", `${turnOf(task)} is ${begun.kind}`)
    if (begun.kind === "begun") runs.push({ id: task.id, epoch: begun.epoch })
  }

  async function holds({ id, epoch }: { id: string; epoch: number }): Promise<boolean> {
    const [status, now] = await redis.hmget(`${prefix}:job:${id}`, "status", "epoch")
    return status === "running" && now === String(epoch)
  }

  async function settle(
    run: { id: string; epoch: number },
    settlement: Settlement,
    calls: number,
    health: UpstreamHealth | null,
  ) {
    const may = await holds(run)
    const spent = { ...nothingSpent, calls, input: calls, costNanoUsd: (calls % 2) * 7 }
    const settled = await ledger.settle(run, {
      settlement,
      upstreamStatus: null,
      charged: "yes",
      spent,
      text: null,
      textKey: null,
      warned: [],
      health,
    })
    assert.ok(!may || settled.kind === "settled")
    if (may) spentCalls += calls
    if (settled.kind === "settled") hand(settled.ready)
  }

  async function sweep(): Promise<void> {
    const ready = await ledger.sweep()
    for (const task of ready) {
      assert.ok((await redis.zscore(`${prefix}:lease`, task.id)) !== null)
    }
    hand(ready.filter((task) => !given.has(turnOf(task))))
  }

  /** Removed jobs are meant, too: nothing may happen to them. */
  async function intervene(what: "cancel" | "retry" | "remove" | "expire", id: string): Promise<void> {
    const job = await ledger.read(id)
    const tenant = job?.tenant ?? "a"
    switch (what) {
      case "cancel":
        await ledger.cancel(id, tenant)
        break
      case "retry": {
        const retried = await ledger.retry(id, tenant)
        if (retried.kind === "queued") hand(retried.ready)
        break
      }
      case "remove":
        await ledger.remove([id], tenant)
        break
      case "expire":
        if (job?.deadline && (await redis.zscore(`${prefix}:deadlines`, id)) !== null) {
          await redis
            .multi()
            .hset(`${prefix}:job:${id}`, "deadline", 1)
            .zadd(`${prefix}:deadlines`, 1, id)
            .exec()
        }
    }
  }

  async function makeDue(key: string): Promise<void> {
    for (const id of await redis.zrange(`${prefix}:${key}`, "0", "-1"))
      await redis.zadd(`${prefix}:${key}`, 1, id)
  }

  async function play(step: Command): Promise<void> {
    switch (step.do) {
      case "submit": {
        const job = newJob({
          tenant: tenants[step.tenant] ?? "a",
          ...planOf(lanes[step.lane] ?? "m"),
          priority: step.priority,
          notBefore: step.later ? new Date(Date.now() + 60_000) : null,
          deadlineSeconds: step.deadline ? 600 : null,
          estimateNanoUsd: step.estimate === 0 ? null : step.estimate,
          key: step.isKeyLimited ? limitedKey : "key_1",
        })
        const expected = await expectedAnswer(job)
        const answer = await ledger.submit({ job, idempotency: undefined })
        assert.equal(answer.kind, expected)
        if (answer.kind !== "created") return
        ids.push(job.id)
        return hand(answer.ready)
      }
      case "dispatch":
        return hand(await ledger.dispatch())
      case "sweep":
        return sweep()
      case "elapse":
        await makeDue("batch-work")
        return makeDue("later")
      case "age":
        return makeDue("lease")
      case "unrest":
        return void (await redis.del(`${prefix}:rest`))
      case "judge":
        return void (await ledger.judgeModel("mnop"[step.model] ?? "m", step.said))
      case "begin": {
        const task = pick(tasks, step.which)
        return task && begin(task)
      }
      case "keep": {
        const run = pick(runs, step.which)
        if (!run) return
        const isNew = (await holds(run)) && !(await ledger.read(run.id))?.outputs.has(step.index)
        const spent = { calls: 1, input: 9, output: 1_120, costNanoUsd: 33 }
        const kept = await ledger.keep({ ...run, index: step.index, output, spent })
        assert.ok(!isNew || kept === "kept")
        if (isNew) spentCalls += 1
        return
      }
      case "settle": {
        const run = pick(runs, step.which)
        const lane = run && (await ledger.read(run.id))?.lane
        const how = settlementOf(step.how, lane ?? "m")
        return run && how && settle(run, how, step.calls, healths[step.health] ?? null)
      }
      case "cancel":
      case "retry":
      case "remove":
      case "expire": {
        const id = pick(ids, step.which)
        return id === undefined ? undefined : intervene(step.do, id)
      }
      case "batch":
      case "work":
      case "act":
      case "late":
        return hand(await batches.play(step))
      case "call": {
        const run = pick(runs, step.which)
        const model = run && (await ledger.read(run.id))?.model
        return run && model === accountModel ? callFor(run.id, callEnds[step.came]) : undefined
      }
      case "beat":
        return void (await ledger.beat("w", step.jobs, 60_000))
      case "limit": {
        const jobs = step.jobs === 0 ? null : step.jobs
        return ledger.limits.put(tenants[step.tenant] ?? "a", {
          ...noLimits,
          parallel_jobs: jobs,
          queued_jobs: jobs && jobs + 3,
          daily_budget_usd: step.budget > 150 ? null : step.budget / nanoUsdPerUsd,
        })
      }
    }
  }

  async function callFor(job: string, came: CallEnd | undefined): Promise<void> {
    const call = `${job}:${taken++}`
    const asked = { model: accountModel, job, call, isFurther: false, aheadMs: 0, accounts: [account] }
    const answer = await ledger.takeCall(asked)
    if (answer.kind !== "go") return
    const inWindow = await redis.zcard(`${prefix}:calls:p:${accountModel}`)
    assert.ok(inWindow <= (account.rpm ?? 0), `${inWindow} calls in a window`)
    if (came) await ledger.endCall({ model: accountModel, account, call, at: answer.at }, came)
  }

  /** Whatever happened: when all waits are over, every job ends. */
  async function drain(): Promise<void> {
    for (let round = 0; round < 200; round++) {
      const jobs = [...(await audit(redis, prefix)).values()]
      if (jobs.every(({ completedAt }) => completedAt !== null) && (await batches.areAllOver())) return
      for (const key of ["later", "lease", "batch-work"]) await makeDue(key)
      hand(await batches.goOn())
      await redis.del(`${prefix}:rest`)
      await travel(redis, prefix, 3_600_000)
      await sweep()
      for (const { id, status } of jobs) {
        const turn = current.get(id)
        if (turn === undefined || (status !== "queued" && status !== "running")) continue
        const begun = await ledger.begin({ id, turn })
        const [ending] = settlements
        if (begun.kind === "begun" && ending) await settle({ id, epoch: begun.epoch }, ending, 0, "answered")
      }
    }
    assert.fail("jobs are stuck")
  }

  async function auditUsage(): Promise<void> {
    let calls = 0
    for (const key of await redis.keys(`${prefix}:usage:*`)) {
      for (const [row, value] of Object.entries(await redis.hgetall(key))) {
        if (row.endsWith("|calls")) calls += Number(value)
      }
    }
    assert.equal(calls, spentCalls, "calls in the usage")
  }

  return { play, drain, auditUsage }
}

let server: Awaited<ReturnType<typeof startRedis>>
before(async () => {
  server = await startRedis()
})
after(() => server[Symbol.asyncDispose]())

test("whatever is done in whatever order, the books add up and every job can end", async () => {
  const { redis } = server
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 60 }), async (steps) => {
      await redis.flushall()
      const ledger = createLedger({ redis, prefix: "model", retentionMs: 60_000, heldMs: 0 })
      await ledger.beat("w", 2, 60_000)
      await ledger.offerAccounts(accountModel, [account], { frees: false })
      await redis.hset(`${prefix}:key:${limitedKey}`, "monthly_budget", keyBudget)
      const player = createPlayer(redis, ledger)
      for (const step of steps) {
        await player.play(step)
        await audit(redis, prefix)
      }
      await player.auditUsage()
      await player.drain()
    }),
    boundedRuns(30),
  )
})
