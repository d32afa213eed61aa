import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { test } from "node:test"

import { operations } from "@kiln/contract"
import { startEmulator } from "@kiln/gemini-emulator"

import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"
import { writeRegistry } from "../world/write-registry.ts"

const [newest, pro] = ["gemini-nano-banana-2.1", "gemini-3-pro-image"] as const
const preview = "gemini-2.5-flash-image-preview"

const models = async (world: World) => (await world.client.send(operations.listModels, {})).data
const statusOf = async (world: World, id: string) =>
  (await models(world)).find((model) => model.id === id)?.status

test("a worker asks at its start which models are served, one for all", async () => {
  await using registry = await writeRegistry([{ id: pro, api_model: "gemini-3-pro-image-preview" }])
  const workerEnv = { KILN_MODEL_CHECK: "3600" }
  await using world = await startWorld({ workers: 2, workerEnv, env: { KILN_MODELS: registry.path } })
  const asked = () => world.emulator.calls.filter(({ method }) => method === "GET").map(({ path }) => path)
  await until("all were asked for", async () => asked().length >= (await models(world)).length)
  await until("it is known", async () => (await statusOf(world, pro)) === "unavailable")
  assert.equal(await statusOf(world, newest), "available")
  assert.equal(new Set(asked()).size, asked().length)
  const told = world.workers.filter((worker) => worker.output().includes("does not serve this model"))
  assert.equal(told.length, 1)
  const job = await world.make({ prompt: "a mug", model: pro })
  assert.deepEqual([job.error?.code, job.usage.upstream_calls], ["model_unavailable", 0])
})

test("a model that is served again is called again", async () => {
  await using world = await startWorld({ workers: 0 })
  const end = async () => {
    await world.redis.hset("{kiln}:rest", newest, `${Date.now() + 600_000}|model_unavailable`)
    await world.redis.hset("{kiln}:circuits", newest, "0|0|1|model_unavailable|")
  }
  await end()
  assert.equal(await statusOf(world, newest), "unavailable")
  const worker = await world.startWorker({ KILN_MODEL_CHECK: "1" })
  const told = () => worker.output().split("serves this model again").length - 1
  await until("it is back at the start", async () => told() === 1)
  await end()
  await until("it is back in the next round", async () => told() === 2)
  assert.equal(await statusOf(world, newest), "available")
  assert.equal((await world.make({ prompt: "a mug" })).status, "succeeded")
})

test("the first preview name is an alias at Google, and a model of its own behind a gateway that serves it", async () => {
  await using gateway = await startEmulator({ latencyMs: 0 })
  await using google = await startWorld()
  const aliased = await google.make({ prompt: "a mug", model: preview })
  assert.deepEqual([aliased.status, aliased.model, aliased.requested_model], ["succeeded", newest, preview])
  assert.match(aliased.warnings[0]?.detail ?? "", /is served by gemini-nano-banana-2\.1/)

  const known = (await models(google)).find(({ id }) => id === "gemini-2.5-flash-image")
  assert.ok(known)
  const { name, description, capabilities, prices } = known
  await using registry = await writeRegistry([
    {
      id: preview,
      name,
      description,
      group: "Gateway",
      sort_order: 1,
      // What the gateway calls it.
      api_model: "gemini-2.5-flash-image",
      base_url: gateway.url,
      api_version: "v1",
      token_env: "GATEWAY_TOKEN",
      system_instruction: "Paint in blue.",
      capabilities,
      prices,
      limits: { rpm: null, ipm: null, rpd: null },
    },
  ])
  await using world = await startWorld({
    env: { KILN_MODELS: registry.path },
    workerEnv: { GATEWAY_TOKEN: "the-gateways-token-gate" },
  })
  const real = await world.make({ prompt: "a mug", model: preview })
  assert.deepEqual([real.status, real.model, real.warnings], ["succeeded", preview, []])
  assert.deepEqual(
    gateway.calls.map(({ path, key }) => [path, key]),
    [["/v1/models/gemini-2.5-flash-image:generateContent", "gate"]],
  )
  assert.equal(world.emulator.calls.length, 0)
  const [first] = await models(world)
  assert.deepEqual([first?.id, first?.group], [preview, "Gateway"])
})

/** A gateway that answers every call with all that it was sent, as clumsy ones do. */
async function startEchoes() {
  const sent: string[] = []
  const server = createServer((request, response) => {
    sent.push(JSON.stringify([request.url, request.rawHeaders]))
    const message = `I do not know what to do with ${sent.at(-1)}`
    response.writeHead(400, { "content-type": "application/json" })
    response.end(JSON.stringify({ error: { code: 400, message, status: "INVALID_ARGUMENT" } }))
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

test("a model's own token is shown nowhere, though its gateway tells it in every error", async () => {
  const token = "the-token-of-the-gateway-alone"
  await using gateway = await startEchoes()
  const own = { api_version: "v1", token_env: "GATEWAY_TOKEN" }
  await using registry = await writeRegistry([
    { id: newest, base_url: gateway.url, ...own },
    { id: "imagen-4.0-generate-001", base_url: gateway.url, ...own },
  ])
  await using world = await startWorld({
    env: { KILN_MODELS: registry.path, KILN_LOG_LEVEL: "debug" },
    workerEnv: { GATEWAY_TOKEN: token, KILN_MODEL_CHECK: "1" },
  })
  for (const model of [newest, "imagen-4"]) {
    const job = await world.make({ prompt: "a mug", model })
    assert.equal(job.status, "failed")
    assert.match(job.error?.upstream?.message ?? "", /I do not know/)
    assert.ok(!JSON.stringify(job).includes(token), JSON.stringify(job))
  }
  assert.ok(gateway.sent.some((text) => text.includes(token)))
  assert.ok(!gateway.sent.some((text) => text.includes("?key=")))
  const listed = JSON.stringify(await models(world))
  assert.doesNotMatch(listed, /GATEWAY_TOKEN|127\.0\.0\.1/)
  const events = await (
    await fetch(`${world.url}/v1/events`, { headers: { authorization: `Bearer ${world.key}` } })
  ).text()
  const logs = [world.api, ...world.workers].map((running) => running?.output() ?? "").join("")
  assert.match(logs, /upstream|job/)
  assert.ok(![listed, events, logs].some((text) => text.includes(token)))
})

test("Imagen paints through a gateway that still serves it, one image a call, and is refused at Google", async () => {
  const imagen = "imagen-4.0-generate-001"
  await using gateway = await startEmulator({ latencyMs: 0, imagen: true })
  await using registry = await writeRegistry([{ id: imagen, base_url: gateway.url }])
  await using world = await startWorld({ env: { KILN_MODELS: registry.path } })
  const job = await world.make({
    prompt: "a mug",
    model: "imagen-4",
    n: 3,
    aspect_ratio: "16:9",
    image_size: "2K",
    output_format: "jpeg",
    person_generation: "dont_allow",
  })
  assert.deepEqual([job.status, job.model, job.outputs.length], ["succeeded", imagen, 3])
  for (const { width, height, content_type: type } of job.outputs) {
    assert.deepEqual([width, height, type], [2816, 1536, "image/jpeg"])
  }
  assert.deepEqual(
    [job.usage.upstream_calls, job.usage.cost_usd, job.usage.charged, job.usage.output_tokens],
    [3, 0.12, "yes", 0],
  )
  assert.deepEqual(
    gateway.calls.map(({ path, status }) => [path, status]),
    [1, 2, 3].map(() => [`/v1beta/models/${imagen}:predict`, 200]),
  )
  const blocked = await world.make({ prompt: "a mug [[image_safety]]", model: imagen })
  assert.deepEqual(
    [blocked.status, blocked.error?.code, blocked.usage.cost_usd],
    ["failed", "content_blocked", 0],
  )
  assert.match(blocked.error?.upstream?.message ?? "", /Responsible AI/)

  const ultra = await world.make({ prompt: "a mug", model: "imagen-4-ultra" })
  assert.deepEqual([ultra.status, ultra.error?.code], ["failed", "model_unavailable"])
  assert.ok(ultra.warnings.some(({ code }) => code === "model_retiring"))
  assert.match(world.emulator.calls[0]?.path ?? "", /imagen-4\.0-ultra-generate-001:predict/)
})
