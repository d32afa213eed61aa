import assert from "node:assert/strict"
import { suite, test } from "node:test"

import { waitForJob } from "@kiln/client"
import { operations, type Job } from "@kiln/contract"

import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

const windowMs = 3_000
const window = { KILN_QUOTA_WINDOW: `${windowMs / 1_000}` }
const model = "gemini-3.1-flash-image"
const small = { model, image_size: "512", output_format: "jpeg" } as const

async function submitMany(world: World, count: number): Promise<Job[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => world.submit({ ...small, prompt: `mug ${index}` })),
  )
}

const allEnded = (world: World, jobs: readonly Job[]) => Promise.all(jobs.map(({ id }) => world.ended(id)))

/** The most calls that the upstream took of a key in any window, and those that it refused. */
function seenBy(world: World, key?: string) {
  const calls = world.emulator.calls.filter((call) => call.method === "POST" && (!key || call.key === key))
  const taken = calls.filter(({ status }) => status !== 429).map(({ at }) => Date.parse(at))
  const most = Math.max(
    0,
    ...taken.map((from) => taken.filter((at) => at >= from && at < from + windowMs).length),
  )
  return { taken: taken.length, refused: calls.length - taken.length, most }
}

/**
 * The part of the calls that may be refused: on a busy machine some are so long on their way that they meet the next
 * window's, or, where the limit is not known, go beyond it now and then. All slots that call again and again would have
 * more refused than taken.
 */
const tooLate = 0.2
const felt = 0.2

suite("the upstream's quota", { concurrency: 2 }, () => {
  test("two workers share a known one: its window is never overrun, and waiting burns no attempt", async () => {
    await using world = await startWorld({
      workers: 2,
      emulator: { quotas: { rpm: 10, windowMs } },
      workerEnv: { ...window, KILN_RPM: "10" },
    })
    const jobs = await submitMany(world, 35)
    const waiting = await until("a job says what it waits for", async () => {
      const read = await Promise.all(jobs.slice(-10).map(({ id }) => world.job(id)))
      return read.find(({ queue }) => queue?.blocked_by === "upstream_rpm" && queue.eta_seconds !== null)
    })
    assert.equal(waiting.attempts.length, 0)
    const ended = await allEnded(world, jobs)
    assert.deepEqual([...new Set(ended.map(({ status }) => status))], ["succeeded"])
    const { taken, refused, most } = seenBy(world)
    assert.equal(taken, 35)
    assert.ok(refused <= taken * tooLate, `${refused} refused`)
    assert.ok(most <= 10, `${most} calls in a window`)
    assert.ok(most >= 9, `only ${most} calls in a window`)
    // Who gave its slot back for a while was begun again, and bought nothing by that.
    const bought = ended.map(({ attempts }) => attempts.filter(({ charged }) => charged !== "no").length)
    assert.deepEqual([...new Set(bought)], [1])
  })

  test("an unknown one is found out, and what it refuses burns no attempt", async () => {
    await using world = await startWorld({
      workers: 2,
      emulator: { quotas: { rpm: 8, windowMs, isSilent: true } },
      workerEnv: window,
    })
    const jobs = await submitMany(world, 30)
    const ended = await allEnded(world, jobs)
    assert.deepEqual([...new Set(ended.map(({ status }) => status))], ["succeeded"])
    const calls = world.emulator.calls.filter(({ method }) => method === "POST")
    assert.equal(calls.filter(({ status }) => status === 200).length, 30)
    // Those that were on their way together tell it; from then on the limit is only felt for now and then.
    const refused = calls.filter(({ status }) => status === 429).map(({ at }) => Date.parse(at))
    const [first = 0] = refused
    assert.ok(first > 0)
    const further = refused.filter((at) => at > first + windowMs / 2).length
    assert.ok(further <= 30 * (tooLate + felt), `${further} refused after the first`)
  })

  test("each key has its own: a refused key rests and is named by nothing but a hash", async () => {
    await using world = await startWorld({
      emulator: { quotas: { rpm: 5, windowMs } },
      workerEnv: { ...window, KILN_RPM: "5", GEMINI_API_KEY: "leaked,key-aaaa,key-bbbb" },
    })
    const ended = await allEnded(world, await submitMany(world, 20))
    assert.deepEqual([...new Set(ended.map(({ status }) => status))], ["succeeded"])
    const [a, b] = [seenBy(world, "aaaa"), seenBy(world, "bbbb")]
    assert.equal(a.taken + b.taken, 20)
    assert.ok(a.refused + b.refused <= 20 * tooLate)
    assert.ok(a.most <= 5 && b.most <= 5 && a.taken >= 5 && b.taken >= 5, JSON.stringify({ a, b }))
    const output = world.workers[0]?.output() ?? ""
    assert.match(output, /an account of the upstream is parked/)
    assert.doesNotMatch(output, /leaked"|key-aaaa|key-bbbb/)
    const keys = await world.redis.keys("*")
    assert.doesNotMatch(keys.join(" "), /leaked|key-aaaa|key-bbbb/)
  })

  test("a used-up day is waited for until midnight in California, or the deadline", async () => {
    await using world = await startWorld({ emulator: { quotas: { rpd: 2 } }, workerEnv: window })
    await allEnded(world, await submitMany(world, 2))
    const [late, hasty] = await Promise.all([
      world.submit({ ...small, prompt: "late" }),
      world.submit({ ...small, prompt: "hasty", deadline_seconds: 3 }),
    ])
    const waiting = await until("the job says that the day is used up", async () => {
      const job = await world.job(late.id)
      return job.queue?.blocked_by === "upstream_rpd" && job
    })
    assert.equal(waiting.status, "queued")
    const eta = waiting.queue?.eta_seconds ?? 0
    assert.ok(eta > 0 && eta <= 25 * 3_600, `${eta} s`)
    const opensAt = new Date(Date.now() + eta * 1_000)
    const hours = {
      timeZone: "America/Los_Angeles",
      hourCycle: "h23",
      hour: "numeric",
      minute: "numeric",
    } as const
    assert.match(opensAt.toLocaleTimeString("en-US", hours), /^(00:0[01]|23:59)$/)
    const expired = await waitForJob(world.client, hasty.id, AbortSignal.timeout(30_000))
    assert.equal(expired.status, "expired")
    assert.ok(seenBy(world).refused <= 2)
  })

  test("a key that is refused parks, its jobs wait without burning attempts, and a worker with another goes on", async () => {
    await using world = await startWorld({ workerEnv: { ...window, GEMINI_API_KEY: "leaked" } })
    const jobs = await submitMany(world, 3)
    const waiting = await until("the jobs wait for a key", async () => {
      const read = await Promise.all(jobs.map(({ id }) => world.job(id)))
      return read.every(({ queue }) => queue?.blocked_by === "upstream_auth") && read
    })
    assert.ok(waiting.every(({ status, queue }) => status === "queued" && (queue?.eta_seconds ?? 0) > 0))
    assert.ok(world.emulator.calls.filter(({ method }) => method === "POST").length <= 3)
    world.workers[0]?.kill("SIGKILL")
    await world.redis.del("{kiln}:later")
    await world.startWorker({ GEMINI_API_KEY: "good-key" })
    const [fresh] = await allEnded(world, await submitMany(world, 1))
    assert.equal(fresh?.status, "succeeded")
  })

  test("an operator who has more quota granted need not wait for the park's end", async () => {
    await using world = await startWorld({ emulator: { quotas: { rpd: 1 } }, workerEnv: window })
    await allEnded(world, await submitMany(world, 1))
    const jobs = await submitMany(world, 3)
    const parked = await until("the account is parked", async () => {
      const { accounts } = await world.client.send(operations.getQueue, {})
      return accounts.find((account) => account.model === model && account.blocked_by === "upstream_rpd")
    })
    assert.ok(Date.parse(parked.blocked_until ?? "") > Date.now() + 10_000)
    await until("all wait for the day's end", async () => {
      const read = await Promise.all(jobs.map(({ id }) => world.job(id)))
      return read.every(({ status, queue }) => status === "queued" && queue?.blocked_by === "upstream_rpd")
    })
    world.emulator.setQuota({})
    const body = { account: parked.account, model }
    const resumed = await world.client.send(operations.resumeQueue, { body })
    assert.equal(resumed.accounts, 1)
    assert.ok(resumed.jobs >= 1)
    const ended = await allEnded(world, jobs)
    assert.ok(ended.every(({ status }) => status === "succeeded"))
  })
})
