import assert from "node:assert/strict"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { after, before, suite, test } from "node:test"

import { createClient } from "@kiln/client"
import { operations, type EditInput, type GenerationInput, type Job } from "@kiln/contract"

import { servePhoto } from "../world/photo-server.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

const bytesOf = async ({ outputs }: Job): Promise<Buffer[]> =>
  Promise.all(
    outputs.map(async ({ url }) => {
      const response = await fetch(url ?? "")
      assert.equal(response.status, 200)
      return Buffer.from(await response.arrayBuffer())
    }),
  )

const isCached = (job: Job, from: string) => {
  assert.equal(job.status, "succeeded", JSON.stringify(job.error))
  assert.ok(job.warnings.some(({ code, detail }) => code === "cached" && detail.includes(from)))
  assert.deepEqual([job.usage.cost_usd, job.usage.upstream_calls, job.usage.charged], [0, 0, "no"])
}

suite("an identical earlier request", () => {
  let world: World
  before(async () => {
    world = await startWorld({ env: { KILN_ALLOW_PRIVATE: "inputs" } })
  })
  after(() => world[Symbol.asyncDispose]())

  const ask = async (body: GenerationInput, headers: Record<string, string> = {}) => {
    const response = await world.client.request(operations.createGeneration, { body, headers })
    return { status: response.status, headers: response.headers, job: (await response.json()) as Job }
  }
  const remove = (id: string) => world.client.send(operations.deleteJob, { params: { id } })
  const edit = async (body: EditInput) =>
    world.ended((await world.client.send(operations.createEdit, { body })).id)
  const calls = () => world.emulator.calls.length
  test("answers at once with copies that outlive it, at no cost", async () => {
    const asked = { prompt: "A red mug, twice", n: 2, output_format: "webp", include_text: true } as const
    const first = await world.make(asked)
    const before_ = calls()
    const second = await ask({ ...asked, cache: true, metadata: { sku: "7" }, priority: "high" })
    assert.equal(second.status, 200)
    isCached(second.job, first.id)
    assert.deepEqual([calls(), second.job.text, second.job.metadata], [before_, first.text, { sku: "7" }])
    assert.deepEqual(await bytesOf(second.job), await bytesOf(first))
    for (const [index, { key, sha256 }] of second.job.outputs.entries()) {
      assert.equal(sha256, first.outputs[index]?.sha256)
      assert.ok(key.includes(second.job.id), key)
    }
    await remove(first.id)
    assert.equal((await bytesOf(await world.job(second.job.id))).length, 2)
    const third = await ask({ ...asked, cache: true })
    isCached(third.job, second.job.id)
    assert.equal(calls(), before_)
    const refined = await edit({ prompt: "Paint both blue", previous_job: third.job.id })
    assert.deepEqual([refined.status, ...refined.warnings], ["succeeded"])
  })

  test("is none when anything that shapes the picture differs, or when its images are gone", async () => {
    const asked = { prompt: "A blue mug", seed: 7, cache: true } as const
    const first = await world.make(asked)
    const others: GenerationInput[] = [
      { ...asked, prompt: "A blue mug." },
      { ...asked, seed: 8 },
      { ...asked, n: 2 },
      { ...asked, aspect_ratio: "4:3" },
      { ...asked, output_format: "jpeg" },
      { ...asked, model: "gemini-3-pro-image" },
      { ...asked, cache: false },
    ]
    for (const other of others) {
      const { status, job } = await ask(other)
      assert.deepEqual([status, job.warnings.filter(({ code }) => code === "cached")], [202, []])
      assert.equal((await world.ended(job.id)).usage.charged, "yes")
    }
    const { key } = await world.client.send(operations.createKey, {
      body: { tenant: "stranger", scopes: ["jobs:write", "jobs:read"] },
    })
    const stranger = createClient({ baseUrl: world.url, key })
    assert.equal((await stranger.send(operations.createGeneration, { body: asked })).status, "queued")
    await remove(first.id)
    await remove((await ask({ ...asked, cache: true })).job.id)
    const again = await ask(asked)
    assert.equal((await world.ended(again.job.id)).usage.charged, "yes")
  })

  test("is the same request again with an Idempotency-Key", async () => {
    const asked = { prompt: "A green mug", cache: true }
    const first = await world.make(asked)
    const headers = { "idempotency-key": "green" }
    const second = await ask(asked, headers)
    isCached(second.job, first.id)
    const replay = await ask(asked, headers)
    assert.deepEqual([replay.status, replay.headers.get("idempotent-replayed")], [200, "true"])
    assert.deepEqual(replay.job, second.job)
    assert.equal((await ask({ ...asked, n: 2 }, headers)).status, 422)
  })

  test("costs nothing, so that no max_cost_usd is too low for it", async () => {
    const asked = { prompt: `A grey mug${", and another".repeat(500)}`, cache: true, max_cost_usd: 0.000_001 }
    const headers = { "idempotency-key": "grey" }
    assert.equal((await ask(asked, headers)).status, 402)
    await until("its prompt is not kept", async () => {
      // A folder that is removed while it is read is one that is on its way out.
      const files = await readdir(join(world.dataDir, "objects/default"), { recursive: true }).catch(
        () => undefined,
      )
      return files !== undefined && !files.some((name) => name.includes("prompt.txt"))
    })
    const { max_cost_usd: _, ...dear } = asked
    const first = await world.make(dear)
    const { status, job } = await ask(asked, headers)
    assert.equal(status, 200)
    isCached(job, first.id)
    await remove(first.id)
    const replay = await ask(asked, headers)
    assert.deepEqual([replay.status, replay.job.id], [200, job.id])
    await remove(job.id)
    assert.equal((await ask({ ...asked, seed: 1 })).status, 402)
    assert.equal((await ask({ ...asked, cache: false })).status, 402)
  })

  test("is known by the content of its images, however they were given", async () => {
    await using photo = await servePhoto()
    const asked = { prompt: "In winter", cache: true }
    const first = await edit({ ...asked, images: [{ url: photo.url }] })
    assert.equal(first.usage.charged, "yes", JSON.stringify(first.error))
    const before_ = calls()
    const byUrl = await edit({ ...asked, images: [{ url: `${photo.url}?again` }] })
    isCached(byUrl, first.id)
    assert.deepEqual(await bytesOf(byUrl), await bytesOf(first))
    const { asset = "" } = first.inputs[0] ?? {}
    const byAsset = await edit({ ...asked, images: [{ asset }] })
    isCached(byAsset, byUrl.id)
    assert.equal(calls(), before_)
    await edit({ ...asked, images: [{ asset }, { asset }] })
    assert.equal(calls(), before_ + 1)
  })
})
