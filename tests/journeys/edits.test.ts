import assert from "node:assert/strict"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { after, before, suite, test } from "node:test"

import { operations, type Asset, type EditInput, type Job } from "@kiln/contract"
import sharp from "sharp"

import { photoOf, servePhoto } from "../world/photo-server.ts"
import { sendForm } from "../world/send-form.ts"
import { startWorld, type World } from "../world/world.ts"

async function upload({ url, key }: World, photo: Buffer): Promise<Asset> {
  const form = new FormData()
  form.append("file", new Blob([Uint8Array.from(photo)]), "photo.jpg")
  const headers = { authorization: `Bearer ${key}` }
  const response = await fetch(`${url}/v1/assets`, { method: "POST", headers, body: form })
  assert.equal(response.status, 201)
  return (await response.json()) as Asset
}

const submit = ({ client }: World, body: EditInput): Promise<Job> =>
  client.send(operations.createEdit, { body })
const make = async (world: World, body: EditInput): Promise<Job> =>
  world.ended((await submit(world, body)).id)

suite("edits", () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world[Symbol.asyncDispose]())

  test("photos are edited, in their order, and what was made is edited again", async () => {
    const wide = await upload(world, await photoOf("#224488", 1_600, 900))
    const high = await photoOf("#cc3333", 900, 1_600)
    const images = [{ asset: wide.id }, { data: high.toString("base64") }]
    const job = await make(world, { prompt: "Put the mug of the second image into the first", images })
    assert.equal(job.status, "succeeded", JSON.stringify(job.error))
    assert.deepEqual(
      job.inputs.map(({ width, height }) => [width, height]),
      [
        [1_600, 900],
        [900, 1_600],
      ],
    )
    // The upstream counts 1 120 tokens an image, and shapes its picture after the last one.
    assert.ok(job.usage.input_tokens > 2 * 1_120 && job.usage.input_tokens < 2 * 1_120 + 100)
    const [output] = job.outputs
    assert.ok(output?.url)
    assert.ok(output.height > output.width)
    const bytes = Buffer.from(await (await fetch(output.url)).arrayBuffer())
    assert.equal((await sharp(bytes).metadata()).format, "png")
    const turned = await make(world, { prompt: "The other way round", images: images.toReversed() })
    assert.ok((turned.outputs[0]?.width ?? 0) > (turned.outputs[0]?.height ?? 0))

    const again = await make(world, { prompt: "At night", images: [{ job: job.id, output: 0 }], n: 2 })
    assert.equal(again.status, "succeeded", JSON.stringify(again.error))
    assert.deepEqual([again.inputs[0]?.width, again.inputs[0]?.height], [output.width, output.height])
    assert.equal(again.outputs.length, 2)
    const spools = await readdir(join(world.dataDir, "spool"))
    for (const spool of spools) assert.deepEqual(await readdir(join(world.dataDir, "spool", spool)), [])
  })

  test("an address of this machine is not fetched where private ones are not allowed", async () => {
    await using server = await servePhoto()
    const calls = world.emulator.calls.length
    const asked = { prompt: "In winter", images: [{ url: server.url }] }
    const refused = await world.client.request(operations.createEdit, { body: asked })
    assert.equal(refused.status, 400)
    assert.match(await refused.text(), /127\.0\.0\.1 is not a public address/)
    // What a name stands for is found out by the worker.
    const job = await make(world, {
      ...asked,
      images: [{ url: server.url.replace("127.0.0.1", "localhost") }],
    })
    assert.deepEqual([job.status, job.error?.code], ["failed", "input_unreachable"])
    assert.match(job.error?.message ?? "", /localhost is not a public address/)
    assert.deepEqual(
      [server.requests(), world.emulator.calls.length - calls, job.usage.upstream_calls],
      [0, 0, 0],
    )
  })
})

suite("photos that wait for a worker", () => {
  let world: World
  before(async () => {
    world = await startWorld({ workers: 0 })
  })
  after(() => world[Symbol.asyncDispose]())

  test("what is no usable photo is refused before a job is made", async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    const bomb = await sharp({ create: { width: 9, height: 9, channels: 3, background: "red" } })
      .png()
      .toBuffer()
    bomb.writeUInt32BE(50_000, 16)
    bomb.writeUInt32BE(50_000, 20)
    for (const photo of [svg, bomb]) {
      const body = { prompt: "x", images: [{ data: photo.toString("base64") }] }
      const response = await world.client.request(operations.createEdit, { body })
      const problem = (await response.json()) as { errors: { pointer: string; code: string }[] }
      assert.equal(response.status, 400)
      assert.deepEqual(
        problem.errors.map(({ pointer, code }) => [pointer, code]),
        [["/images/0/data", "input_unreadable"]],
      )
    }
    const { data } = await world.client.send(operations.listJobs)
    assert.deepEqual(data, [])
  })

  test("200 edits of one photo at once, as a form or as base64, store it once", async () => {
    const photo = await photoOf("#aa8844", 600, 400)
    const data = photo.toString("base64")
    const jobs = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const prompt = `Variation ${index}`
        if (index % 2 === 0) return submit(world, { prompt, images: [{ data }] })
        return (await sendForm(world, { prompt }, [photo])).body
      }),
    )
    assert.deepEqual([...new Set(jobs.map(({ status }) => status))], ["queued"])
    assert.equal(new Set(jobs.map(({ inputs }) => inputs[0]?.asset)).size, 1)
    const objects = await readdir(join(world.dataDir, "objects", "default", "assets"))
    assert.equal(objects.filter((name) => name.endsWith("~")).length, 1)
    for (const rows of ["assets", "asset-hashes"]) {
      assert.equal(await world.redis.hlen(`{kiln}:${rows}:default`), 1)
    }
    await world.startWorker()
    const some = await Promise.all(jobs.slice(0, 4).map(({ id }) => world.ended(id)))
    assert.deepEqual([...new Set(some.map(({ status }) => status))], ["succeeded"])
  })
})

test("a photo by URL is fetched by the worker where private addresses are allowed, and tried again", async () => {
  await using world = await startWorld({ env: { KILN_ALLOW_PRIVATE: "inputs" } })
  await using server = await servePhoto({ failures: 1 })
  const job = await make(world, { prompt: "In winter", images: [{ url: server.url }] })
  assert.equal(job.status, "succeeded", JSON.stringify(job.error))
  assert.deepEqual(
    job.attempts.map(({ outcome, charged }) => [outcome, charged]),
    [
      ["input_unreachable", "no"],
      ["succeeded", "yes"],
    ],
  )
  assert.deepEqual([job.inputs[0]?.width, server.requests()], [800, 2])
  assert.equal(job.usage.upstream_calls, 1)
})
