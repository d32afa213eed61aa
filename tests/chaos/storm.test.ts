import assert from "node:assert/strict"
import { createHash, randomInt } from "node:crypto"
import { suite, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"

import { operations, type Job } from "@kiln/contract"
import type { JobRecord } from "@kiln/ledger"
import { audit } from "@kiln/ledger/testing"
import { connectRedis } from "@kiln/runtime"
import type { Redis } from "ioredis"

import { createDice } from "../world/dice.ts"
import { createPhoenix, type Phoenix } from "../world/phoenix.ts"
import { plain } from "../world/plain.ts"
import { startReceiver } from "../world/receiver.ts"
import { startDurableRedis } from "../world/redis-servers.ts"
import { until } from "../world/until.ts"
import { register } from "../world/webhooks.ts"
import { startWorld, type World } from "../world/world.ts"

const jobs = 1_000
const kills = 20
const submitters = 8
/** Every tenth job has two images, of which one may be kept when its worker dies. */
const imagesOf = (n: number) => (n % 10 === 0 ? 2 : 1)
const images = Array.from({ length: jobs }, (_, n) => imagesOf(n)).reduce((sum, more) => sum + more, 0)

/** Submits until it is accepted: a caller repeats with its key, whoever died meanwhile. */
async function submitSurely({ url, key }: World, n: number): Promise<string> {
  for (;;) {
    const answer = await fetch(`${url}/v1/generations`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${key}`,
        "content-type": "application/json",
        "idempotency-key": `storm-${n}`,
      },
      // Few need the processor to convert them.
      body: JSON.stringify({
        prompt: "a storm",
        ...plain,
        ...(n % 10 === 0 ? { output_format: "png" } : {}),
        n: imagesOf(n),
        metadata: { n: `${n}` },
      }),
      signal: AbortSignal.timeout(15_000),
    }).catch(() => undefined)
    if (answer?.status === 202) return ((await answer.json()) as Job).id
    assert.ok(answer === undefined || answer.status >= 500 || answer.status === 409, `${answer?.status}`)
    await sleep(100)
  }
}

async function submitAll(world: World, paceMs: number): Promise<string[]> {
  const ids = new Set<string>()
  let next = 0
  await Promise.all(
    Array.from({ length: submitters }, async () => {
      while (next < jobs) {
        ids.add(await submitSurely(world, next++))
        await sleep(paceMs)
      }
    }),
  )
  return [...ids]
}

/** Kills one after the other at random; answers how many calls may have been lost with their worker. */
async function rage(world: World, victims: Record<string, Phoenix>, dice: () => number): Promise<number> {
  const names = Object.keys(victims)
  let atRisk = 0
  for (let n = 0; n < kills; n++) {
    await sleep(300 + dice() * 900)
    const name = names[Math.floor(dice() * names.length)] ?? ""
    const victim = victims[name]
    assert.ok(victim)
    if (name.startsWith("worker")) atRisk += world.emulator.calls.filter(isOpen).length
    await victim.kill()
    await sleep(dice() * 700)
    await victim.rise()
  }
  return atRisk
}

type Call = World["emulator"]["calls"][number]
const isGenerate = ({ path }: Call) => path.includes(":generateContent")
/** On its way, or answered so short a time ago that its picture may not be stored yet. */
const isOpen = (call: Call) =>
  isGenerate(call) && (call.durationMs === null || Date.now() - Date.parse(call.at) - call.durationMs < 2_000)

/** Waits until nothing moves any more: what is audited is read piece by piece. */
async function allEnded(redis: Redis, seed: number): Promise<Map<string, JobRecord>> {
  const isQuiet = async () => {
    const { queued, running } = await redis.hgetall("{kiln}:tenant:default")
    const deliveries = await redis.zcard("{kiln}:deliveries:default:pending")
    return queued === "0" && running === "0" && deliveries === 0
  }
  await until(`all have ended (seed ${seed})`, () => isQuiet().catch(() => false), {
    withinMs: 240_000,
    everyMs: 200,
  })
  return audit(redis, "{kiln}")
}

/** A receiver that is told of every end; while it is down it may have heard and not be able to say so. */
async function startFrailReceiver(dice: () => number) {
  const receiver = await startReceiver()
  const told = new Map<string, Set<string>>()
  let isDown = false
  receiver.react(({ subject, id }, response) => {
    if (!isDown || dice() < 0.5) told.set(subject, (told.get(subject) ?? new Set()).add(id))
    if (!isDown) return 204
    response.destroy()
    return "handled"
  })
  const turn = (down: boolean) => async () => void (isDown = down)
  return { receiver, told, phoenix: { kill: turn(true), rise: turn(false) } }
}

async function assertWhole({ url, key }: World, record: JobRecord): Promise<void> {
  assert.equal(record.outputs.size, record.spec.parameters.n, `${record.id} lacks an image`)
  const headers = { authorization: `Bearer ${key}` }
  for (const [index, { sha256 }] of record.outputs) {
    const answer = await fetch(`${url}/v1/jobs/${record.id}/outputs/${index}`, { headers })
    assert.equal(answer.status, 200)
    const bytes = Buffer.from(await answer.arrayBuffer())
    assert.equal(createHash("sha256").update(bytes).digest("hex"), sha256)
  }
}

/** What the tenant is told that it used is the sum of what its jobs are told, to the nano-dollar. */
async function assertUsageAddsUp({ client }: World, records: readonly JobRecord[]): Promise<void> {
  const sum = (of: (record: JobRecord) => number) => records.reduce((all, each) => all + of(each), 0)
  const { cost_usd, ...counts } = (await client.send(operations.getUsage)).total
  assert.deepEqual(counts, {
    images,
    calls: sum(({ usage }) => usage.calls),
    input_tokens: sum(({ usage }) => usage.input),
    output_tokens: sum(({ usage }) => usage.output),
    failures: 0,
  })
  assert.equal(
    Math.round((cost_usd ?? NaN) * 1e9),
    sum(({ usage }) => usage.costNanoUsd ?? NaN),
  )
}

suite("a storm", { timeout: 570_000 }, () => {
  test("in which everything is killed again and again loses no job, invents none, and buys next to nothing twice", async (t) => {
    const seed = Number(process.env["STORM_SEED"] ?? randomInt(2 ** 31))
    t.diagnostic(`STORM_SEED=${seed}`)
    const dice = createDice(seed)
    await using server = await startDurableRedis()
    await using world = await startWorld({
      api: false,
      workers: 0,
      redisUrl: () => server.url,
      emulator: { latencyMs: [50, 400] },
      env: { KILN_ALLOW_PRIVATE: "webhooks" },
      workerEnv: { KILN_CONCURRENCY: "8", KILN_WEBHOOK_SCHEDULE: `0${",1".repeat(45)}` },
    })
    const { receiver, told, phoenix } = await startFrailReceiver(createDice(seed + 1))
    await using _receiver = receiver
    const victims = {
      api: await createPhoenix(() => world.startApi()),
      "worker 1": await createPhoenix(() => world.startWorker()),
      "worker 2": await createPhoenix(() => world.startWorker()),
      redis: { kill: () => server.kill(), rise: () => server.start() },
      receiver: phoenix,
    }
    await register(world, receiver.url, { events: ["job.succeeded"] })
    const [ids, atRisk] = await Promise.all([submitAll(world, 150), rage(world, victims, dice)])
    assert.equal(ids.length, jobs)
    const redis = connectRedis({ url: server.url, role: "command", name: "storm", onError: () => {} })
    t.after(() => redis.disconnect())
    const records = await allEnded(redis, seed)
    assert.deepEqual([...records.keys()].toSorted(), ids.toSorted())
    const announced = new Set<string>()
    for (const record of records.values()) {
      assert.equal(record.status, "succeeded", `${record.id} ${JSON.stringify(record.error)}`)
      const ends = record.events.filter(({ type }) => type === "job.succeeded")
      assert.equal(ends.length, 1)
      announced.add(ends[0]?.id ?? "")
      await until(`the receiver heard of ${record.id}`, () => told.has(record.id))
      assert.deepEqual([...(told.get(record.id) ?? [])], [ends[0]?.id])
      await assertWhole(world, record)
    }
    assert.equal(announced.size, jobs)
    const bought = world.emulator.calls.filter(isGenerate).length
    t.diagnostic(`${bought} calls for ${images} images, ${atRisk} in flight at the kills`)
    assert.ok(bought <= images + atRisk, `${bought} calls for ${images} images and ${atRisk} in flight`)
    await assertUsageAddsUp(world, [...records.values()])
    const counted = [...records.values()].reduce((sum, { usage }) => sum + usage.calls, 0)
    // A call that was lost with its worker is in no count, and each image of its attempt had one.
    const unknown = [...records.values()].reduce((sum, { attempts, spec }) => {
      const lost = attempts.filter(({ charged }) => charged === "unknown").length
      return sum + lost * spec.parameters.n
    }, 0)
    assert.ok(counted <= bought && bought <= counted + unknown, `${counted} counted, ${unknown} unknown`)
  })
})
