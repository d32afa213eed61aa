import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { after, before, beforeEach, test } from "node:test"

import { nanoUsdPerUsd } from "@kiln/jobs"
import * as fc from "fast-check"

import { createLedger, type Ledger } from "./ledger.ts"
import { noLimits } from "./limits.ts"
import type { NewJob } from "./record.ts"
import { audit } from "./testing/audit.ts"
import { startRedis } from "./testing/private-redis.ts"
import { newJob, output } from "./testing/sample-job.ts"

let server: Awaited<ReturnType<typeof startRedis>>
let ledger: Ledger
before(async () => {
  server = await startRedis()
})
after(() => server[Symbol.asyncDispose]())
beforeEach(async () => {
  await server.redis.flushall()
  ledger = createLedger({ redis: server.redis, prefix: "b", retentionMs: 60_000 })
  await ledger.beat("w", 16, 60_000)
})

const usd = (amount: number) => Math.round(amount * nanoUsdPerUsd)
const budget = (limits: Partial<typeof noLimits>) => ledger.limits.put("acme", { ...noLimits, ...limits })

async function submit(estimateUsd: number | null, change: Partial<NewJob> = {}) {
  const job = newJob({ estimateNanoUsd: estimateUsd === null ? null : usd(estimateUsd), ...change })
  const answer = await ledger.submit({ job, idempotency: undefined })
  return { id: job.id, answer, kind: answer.kind }
}

/** Runs a job to its end: each image costs so much. */
async function run(id: string, costUsd: number, images = 1) {
  const turn = Number(await server.redis.hget(`{b}:job:${id}`, "turn"))
  const begun = await ledger.begin({ id, turn })
  assert.ok(begun.kind === "begun")
  const spent = { calls: 1, input: 9, output: 1_120, costNanoUsd: usd(costUsd) }
  for (let index = 0; index < images; index++) {
    await ledger.keep({ id, epoch: begun.epoch, index, output, spent })
  }
  return begun.epoch
}
const settle = (id: string, epoch: number, status: "succeeded" | "failed") =>
  ledger.settle(
    { id, epoch },
    {
      settlement: { kind: "end", status, outcome: "internal", error: null, shortfall: null },
      upstreamStatus: null,
      charged: "yes",
      spent: { calls: 0, input: 0, output: 0, costNanoUsd: 0 },
      text: null,
      textKey: null,
      warned: [],
    },
  )

const standing = () => ledger.usage.standing("acme", new Date())

async function warnings(): Promise<{ threshold_percent: number; period: string; key: string | null }[]> {
  const events = await server.redis.xrange("{b}:log:acme", "-", "+")
  return events.flatMap(([, fields]) => {
    const of = (name: string) => fields[fields.indexOf(name) + 1] ?? ""
    return of("type") === "budget.threshold" ? [JSON.parse(of("data"))] : []
  })
}
const percents = async () => (await warnings()).map(({ threshold_percent: percent }) => percent)

test("an estimate is set aside until it is spent, and what is left comes back at the end", async () => {
  await budget({ daily_budget_usd: 1 })
  const { id } = await submit(0.3)
  assert.deepEqual(await standing(), { day: 0, month: 0, reserved: usd(0.3) })
  const epoch = await run(id, 0.1, 2)
  assert.deepEqual(await standing(), { day: usd(0.2), month: usd(0.2), reserved: usd(0.1) })
  await settle(id, epoch, "succeeded")
  assert.deepEqual(await standing(), { day: usd(0.2), month: usd(0.2), reserved: 0 })
  await audit(server.redis, "{b}")
})

test("what is not spent comes back however a job goes: canceled, deleted, failed", async () => {
  await budget({ monthly_budget_usd: 1 })
  const jobs = [await submit(0.3), await submit(0.3), await submit(0.3)]
  assert.equal((await submit(0.3)).kind, "unaffordable")
  const [canceled, deleted, failed] = jobs.map(({ id }) => id)
  await ledger.cancel(canceled ?? "", "acme")
  await ledger.remove([deleted ?? ""], "acme")
  await settle(failed ?? "", await run(failed ?? "", 0.05), "failed")
  assert.deepEqual(await standing(), { day: usd(0.05), month: usd(0.05), reserved: 0 })
  assert.equal((await submit(0.9)).kind, "created")
})

test("a job that costs more than its estimate leaves nothing set aside, and the budget knows", async () => {
  await budget({ daily_budget_usd: 1 })
  const { id } = await submit(0.3)
  await settle(id, await run(id, 0.5), "succeeded")
  assert.deepEqual(await standing(), { day: usd(0.5), month: usd(0.5), reserved: 0 })
  assert.equal((await submit(0.51)).kind, "unaffordable")
  assert.equal((await submit(0.5)).kind, "created")
})

test("a call that failed costs nothing and leaves everything set aside until the job ends", async () => {
  await budget({ daily_budget_usd: 1 })
  const { id } = await submit(0.3)
  const epoch = await run(id, 0, 1)
  assert.deepEqual(await standing(), { day: 0, month: 0, reserved: usd(0.3) })
  await settle(id, epoch, "failed")
  assert.equal((await standing()).reserved, 0)
})

test("a refusal says which budget and how it stands", async () => {
  await budget({ daily_budget_usd: 2, monthly_budget_usd: 1 })
  await submit(0.75)
  const { answer } = await submit(0.5)
  assert.deepEqual(answer, {
    kind: "unaffordable",
    of: "tenant",
    period: "month",
    budgetNanoUsd: usd(1),
    spentNanoUsd: 0,
    reservedNanoUsd: usd(0.75),
    estimateNanoUsd: usd(0.5),
  })
  assert.equal((await submit(0.5, { tenant: "other" })).kind, "created")
})

test("an unknown price is refused where there is a budget, and nowhere else", async () => {
  assert.equal((await submit(null)).kind, "created")
  await budget({ daily_budget_usd: 1_000 })
  const { answer } = await submit(null)
  assert.ok(answer.kind === "unaffordable" && answer.estimateNanoUsd === null)
  assert.equal((await submit(null, { tenant: "other" })).kind, "created")
})

test("a key has budgets of its own beside its tenant's", async () => {
  const key = await ledger.apiKeys.create({
    hash: "h",
    tenant: "acme",
    scopes: ["jobs:write"],
    name: null,
    expiresAt: null,
    dailyBudgetUsd: 1,
  })
  assert.deepEqual([key.daily_budget_usd, key.monthly_budget_usd], [1, null])
  const { id } = await submit(0.6, { key: key.id })
  const { answer } = await submit(0.6, { key: key.id })
  assert.ok(answer.kind === "unaffordable" && answer.of === "key")
  assert.equal((await submit(0.6)).kind, "created")
  await ledger.apiKeys.revoke(key.id)
  await ledger.cancel(id, "acme")
  assert.equal((await standing()).reserved, usd(0.6))
  await audit(server.redis, "{b}")
})

test("thresholds are told once a period, at 80 and at 100 per cent", async () => {
  await budget({ daily_budget_usd: 1 })
  await submit(0.79)
  assert.deepEqual(await percents(), [])
  await submit(0.01)
  assert.deepEqual(await percents(), [80])
  const last = await submit(0.2)
  assert.deepEqual(await percents(), [80, 100])
  await ledger.cancel(last.id, "acme")
  await submit(0.2)
  await budget({ daily_budget_usd: 0.9 })
  await submit(0.5)
  assert.deepEqual(await percents(), [80, 100])
  const [first] = await warnings()
  assert.deepEqual(first, {
    object: "budget",
    tenant: "acme",
    key: null,
    period: "day",
    period_start: new Date().toISOString().slice(0, 10),
    threshold_percent: 80,
    budget_usd: 1,
    spent_usd: 0,
    reserved_usd: 0.8,
  })
})

test("a budget that is nearly used up is told when it refuses, a request that is too large by itself is not", async () => {
  await budget({ daily_budget_usd: 1 })
  await submit(5)
  assert.deepEqual(await percents(), [])
  await submit(0.95)
  await submit(0.1)
  assert.deepEqual(await percents(), [80, 100])
})

test("spending that nobody estimated is told too", async () => {
  await budget({ monthly_budget_usd: 1 })
  const { id } = await submit(0.1)
  await settle(id, await run(id, 1.5), "succeeded")
  assert.deepEqual(await percents(), [80, 100])
})

test("a retry sets aside what its missing images will cost, and is refused like a new job", async () => {
  await budget({ daily_budget_usd: 1 })
  const spec = newJob().spec
  const two = { ...spec, parameters: { ...spec.parameters, n: 2 } }
  const { id } = await submit(0.8, { spec: two })
  await settle(id, await run(id, 0.4), "failed")
  const retried = await ledger.retry(id, "acme")
  assert.equal(retried.kind, "queued")
  assert.equal((await standing()).reserved, usd(0.4))
  await ledger.cancel(id, "acme")
  await submit(0.5)
  const refused = await ledger.retry(id, "acme")
  assert.equal(refused.kind, "unaffordable")
  await ledger.limits.put("acme", { ...noLimits, queued_jobs: 1 })
  await submit(0, { notBefore: new Date(Date.now() + 60_000) })
  assert.equal((await ledger.retry(id, "acme")).kind, "full")
  await audit(server.redis, "{b}")
})

test("a job's usage outlives it, by day, model and key", async () => {
  const { id } = await submit(0.1, { key: "key_2", model: "a/b:c" })
  await settle(id, await run(id, 0.1), "failed")
  await ledger.remove([id], "acme")
  const today = new Date().toISOString().slice(0, 10)
  assert.deepEqual(await ledger.usage.read("acme", today, today), [
    {
      day: today,
      model: "a/b:c",
      key: "key_2",
      images: 1,
      calls: 1,
      input: 9,
      output: 1_120,
      costNanoUsd: usd(0.1),
      unpricedCalls: 0,
      failures: 1,
    },
  ])
})

test("the ledger's own calendar is that of UTC", async () => {
  const source = ["lib", "budgets"]
    .map((name) => readFileSync(new URL(`./scripts/${name}.lua`, import.meta.url), "utf8"))
    .join("\n")
  const script = `${source}\nreturn { dateOf(tonumber(ARGV[1])) }`
  await fc.assert(
    fc.asyncProperty(
      fc.date({ min: new Date(0), max: new Date("2400-01-01"), noInvalidDate: true }),
      async (date) => {
        const [month, day] = (await server.redis.eval(script, 1, "{b}", date.getTime())) as string[]
        assert.equal(`${month}-${day}`, date.toISOString().slice(0, 10))
      },
    ),
    { numRuns: 500, examples: [[new Date("2028-02-29T23:59:59.999Z")], [new Date("2100-03-01")]] },
  )
})
