import assert from "node:assert/strict"
import { after, before, suite, test } from "node:test"

import { operations, type Job } from "@kiln/contract"
import { startEmulator } from "@kiln/gemini-emulator"

import { startHttpGate } from "../world/http-gate.ts"
import { plain } from "../world/plain.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"
import { writeRegistry, type Registry } from "../world/write-registry.ts"

const modelsOf = (job: Job) => job.attempts.map(({ model, outcome }) => [model, outcome])
const warningsOf = (job: Job) => job.warnings.map(({ code, detail }) => `${code}: ${detail}`)
const [newest, pro, older] = [
  "gemini-nano-banana-2.1",
  "gemini-3-pro-image",
  "gemini-3.1-flash-image",
] as const

/** Names that Google has switched off. */
const switchedOff = [
  { id: pro, api_model: "gemini-3-pro-image-preview" },
  { id: older, api_model: "gemini-3.1-flash-image-preview" },
]

suite("when a model cannot make a job another one does", { concurrency: 4 }, () => {
  let world: World
  let registry: Registry
  before(async () => {
    registry = await writeRegistry(switchedOff)
    world = await startWorld({ env: { KILN_MODELS: registry.path } })
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
    await registry[Symbol.asyncDispose]()
  })

  const callsOf = (path: string) =>
    world.emulator.calls.filter((call) => call.path.includes(`/${path}:generateContent`)).length

  test("an overloaded model is asked twice, then the next one; what it made stays", async () => {
    const prompt = "two mugs [[503_times:3]]"
    const job = await world.make({ prompt, n: 2, fallback_models: ["gemini-2.5-flash-image"] })
    assert.equal(job.status, "succeeded")
    assert.deepEqual([job.model, job.requested_model], ["gemini-2.5-flash-image", newest])
    assert.deepEqual(modelsOf(job), [
      [newest, "upstream_overloaded"],
      [newest, "upstream_overloaded"],
      ["gemini-2.5-flash-image", "succeeded"],
    ])
    assert.deepEqual(warningsOf(job), [
      `model_replaced: ${newest} is overloaded; gemini-2.5-flash-image takes over`,
    ])
    assert.deepEqual([job.outputs.length, job.usage.upstream_calls], [2, 5])
    const upstreamTypes = job.outputs.map((output) => output.upstream_content_type)
    assert.deepEqual(upstreamTypes.toSorted(), ["image/jpeg", "image/png"])
  })

  test("a retired model is asked once by all jobs together", async () => {
    const first = await world.make({ prompt: "a mug", model: pro, fallback_models: ["nano-banana"] })
    assert.deepEqual(modelsOf(first), [
      [pro, "model_unavailable"],
      [newest, "succeeded"],
    ])
    assert.deepEqual(warningsOf(first), [`model_replaced: ${pro} is no longer served; ${newest} takes over`])
    const next = await Promise.all(
      [1, 2, 3].map((n) => world.make({ prompt: `mug ${n}`, model: pro, fallback_models: ["nano-banana"] })),
    )
    for (const job of next) {
      assert.deepEqual(modelsOf(job), [[newest, "succeeded"]])
      assert.deepEqual(warningsOf(job), warningsOf(first))
    }
    const alone = await world.make({ prompt: "a mug", model: pro })
    assert.deepEqual([alone.status, alone.error?.code], ["failed", "model_unavailable"])
    assert.match(alone.error?.message ?? "", /gemini-3-pro-image/)
    assert.equal(alone.usage.upstream_calls, 0)
    assert.equal(callsOf("gemini-3-pro-image-preview"), 1)
    const { data } = await world.client.send(operations.listModels, {})
    assert.equal(data.find(({ id }) => id === pro)?.status, "unavailable")
  })

  test("the registry's successor takes over from a retired model without being named", async () => {
    const job = await world.make({ prompt: "a mug", model: "nano-banana-2", n: 2 })
    assert.deepEqual([job.status, job.model, job.requested_model], ["succeeded", newest, "nano-banana-2"])
    assert.deepEqual(modelsOf(job), [
      [older, "model_unavailable"],
      [newest, "succeeded"],
    ])
    const alone = await world.make({ prompt: "a mug", model: older, image_size: "512" })
    assert.deepEqual([alone.status, alone.error?.code], ["failed", "model_unavailable"])
  })
})

test("what is over a model's daily quota goes to the next, and waits only when there is none left", async () => {
  await using world = await startWorld({ emulator: { quotas: { rpd: 2 } } })
  const submit = (n: number) => world.submit({ prompt: `mug ${n}`, fallback_models: [pro] })
  const jobs = await Promise.all([1, 2, 3, 4].map(submit))
  const ended = await Promise.all(jobs.map(({ id }) => world.ended(id)))
  assert.deepEqual(ended.map(({ model }) => model).toSorted(), [pro, pro, newest, newest])
  for (const job of ended) {
    assert.equal(job.status, "succeeded")
    assert.equal(warningsOf(job).length, job.model === pro ? 1 : 0)
  }
  const last = await submit(5)
  await until("the last one waits", async () => {
    const { queue, model } = await world.job(last.id)
    return queue?.blocked_by === "upstream_rpd" && model === pro
  })
})

test("an overloaded upstream is called by one job at a time until it answers, and other models go on", async () => {
  await using emulator = await startEmulator({ latencyMs: 0 })
  await using gate = await startHttpGate(emulator.url)
  gate.overload(({ url }) => url?.includes(newest) === true)
  const workerEnv = { KILN_OVERLOAD_PAUSE: "0.5", KILN_CONCURRENCY: "4" }
  await using world = await startWorld({ upstream: gate.url, workers: 2, workerEnv })
  const jobs = await Promise.all(
    Array.from({ length: 40 }, () => world.submit({ prompt: "a mug", ...plain })),
  )
  const trialsOf = async () => Number((await world.redis.hget("{kiln}:circuits", newest))?.split("|")[2] ?? 0)
  await until("it was tried again and again", async () => (await trialsOf()) >= 3)
  const other = await world.make({ prompt: "a mug", model: pro })
  assert.equal(other.attempts.length, 1)
  const waiting = await world.job(jobs.at(-1)?.id ?? "")
  assert.deepEqual([waiting.queue?.blocked_by, waiting.attempts.length], ["upstream_overloaded", 0])
  // Five that opened the circuit, what the workers had under way, and a trial for each pause.
  const [refused, pauses] = [gate.refused(), await trialsOf()]
  assert.ok(refused <= 5 + 8 + pauses, `${refused} calls in ${pauses} pauses`)
  gate.overload(undefined)
  const ended = await Promise.all(jobs.map(({ id }) => world.ended(id)))
  assert.deepEqual([...new Set(ended.map(({ status }) => status))], ["succeeded"])
  assert.equal(await world.redis.hlen("{kiln}:circuits"), 0)
})
