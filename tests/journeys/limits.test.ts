import assert from "node:assert/strict"
import { after, before, suite, test } from "node:test"

import { createClient, type Client } from "@kiln/client"
import { operations, type Job } from "@kiln/contract"

import { startWorld, type World } from "../world/world.ts"

const submit = (client: Client, prompt: string, n = 1) =>
  client.send(operations.createGeneration, { body: { prompt, n } })
async function ended(client: Client, id: string): Promise<Job> {
  for (;;) {
    const job = await client.send(operations.getJob, { params: { id }, query: { wait: 30 } })
    if (job.completed_at !== null) return job
  }
}

suite("limits, budgets and usage", () => {
  let world: World
  before(async () => {
    world = await startWorld({ workerEnv: { KILN_CONCURRENCY: "8" } })
  })
  after(() => world[Symbol.asyncDispose]())

  async function clientOf(tenant: string): Promise<Client> {
    const body = { tenant, scopes: ["jobs:read" as const, "jobs:write" as const] }
    const { key } = await world.client.send(operations.createKey, { body })
    return createClient({ baseUrl: world.url, key, retries: 0 })
  }
  const limit = (tenant: string, body: object) =>
    world.client.send(operations.putLimits, { params: { tenant }, body })

  test("a tenant's jobs run one after the other when it may have one at once", async () => {
    await limit("single", { parallel_jobs: 1 })
    const client = await clientOf("single")
    const made = await Promise.all([1, 2, 3, 4].map((n) => submit(client, `one ${n}`)))
    const jobs = await Promise.all(made.map(({ id }) => ended(client, id)))
    const runs = jobs
      .map(
        ({ started_at: from, completed_at: to }) => [Date.parse(from ?? ""), Date.parse(to ?? "")] as const,
      )
      .toSorted(([a], [b]) => a - b)
    for (const [index, [from]] of runs.entries()) {
      const earlier = runs[index - 1]
      assert.ok(!earlier || from >= earlier[1], `${from} is before the end of the job that went first`)
    }
  })

  test("the books of a budget close: set aside, spent, refused, free again", async () => {
    const client = await clientOf("careful")
    const first = await submit(client, "first")
    const { usage } = await ended(client, first.id)
    const spent = usage.cost_usd ?? 0
    await limit("careful", { daily_budget_usd: Math.round(spent * 4.5e6) / 1e6 })
    const codes: number[] = []
    const jobs: Job[] = []
    for (let n = 0; n < 6; n++) {
      const response = await client.request(operations.createGeneration, { body: { prompt: `then ${n}` } })
      codes.push(response.status)
      if (response.ok) jobs.push((await response.json()) as Job)
    }
    assert.ok(codes.includes(202) && codes.at(-1) === 402, codes.join(" "))
    await Promise.all(jobs.map(({ id }) => ended(client, id)))
    const { budgets, total } = await client.send(operations.getUsage)
    assert.equal(budgets.reserved_usd, 0)
    assert.equal(budgets.daily?.spent_usd, total.cost_usd)
    assert.ok((total.cost_usd ?? 0) <= (budgets.daily?.budget_usd ?? 0))
    await limit("careful", {})
    assert.equal((await ended(client, (await submit(client, "free")).id)).status, "succeeded")
  })

  test("usage adds up with the jobs, whatever became of them", async () => {
    const [first, second] = await Promise.all([clientOf("bookkeeper"), clientOf("bookkeeper")])
    const words = ["fine", "[[safety]]", "[[no_image]]", "fine again", "[[text_refusal]]"]
    const made = await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        const client = n % 2 === 0 ? first : second
        const job = await submit(client, `${n} ${words[n % words.length]}`, 1 + (n % 3))
        if (n % 7 === 0) await client.request(operations.cancelJob, { params: { id: job.id } })
        return { client, id: job.id }
      }),
    )
    const jobs = await Promise.all(made.map(({ client, id }) => ended(client, id)))
    const sum = (pick: (job: Job) => number | null) =>
      jobs.reduce((total, job) => total + (pick(job) ?? NaN), 0)
    const expected = {
      images: sum(({ outputs }) => outputs.length),
      calls: sum(({ usage }) => usage.upstream_calls),
      input_tokens: sum(({ usage }) => usage.input_tokens),
      output_tokens: sum(({ usage }) => usage.output_tokens),
      failures: jobs.filter(({ status }) => status === "failed").length,
    }
    for (const { client, id } of made.slice(0, 10)) {
      await client.send(operations.deleteJob, { params: { id } })
    }
    const report = await first.send(operations.getUsage, { query: { group_by: "key,model" } })
    const { cost_usd: cost, ...total } = report.total
    assert.deepEqual(total, expected)
    assert.ok(expected.images > 20 && expected.failures > 5)
    // Each job rounds its own cost to a millionth.
    assert.ok(Math.abs((cost ?? NaN) - sum(({ usage }) => usage.cost_usd)) <= jobs.length * 5e-7 + 1e-9)
    assert.equal(new Set(report.data.map(({ key }) => key)).size, 2)
    assert.equal(
      report.data.reduce((images, row) => images + row.images, 0),
      expected.images,
    )
  })
})
