import assert from "node:assert/strict"
import { after, before, suite, test } from "node:test"

import { createClient, type Client } from "@kiln/client"
import { newId, operations, type Operation } from "@kiln/contract"
import addFormats from "ajv-formats"
import { Ajv2020 } from "ajv/dist/2020.js"

import { servePhoto } from "../world/photo-server.ts"
import { readEvents } from "../world/sse.ts"
import { startWorld, type World } from "../world/world.ts"

type Header = { required?: boolean; schema: object }
type Described = {
  operationId: string
  parameters: { name: string; in: string; required: boolean; schema: object }[]
  requestBody?: { content: Record<string, { schema: object }> }
  responses: Record<string, { headers?: Record<string, Header>; content?: Record<string, object> }>
}
type Document = {
  openapi: string
  paths: Record<string, Record<string, Described>>
  components: { schemas: Record<string, object> }
}

const escaped = (part: string) => part.replaceAll("~", "~0").replaceAll("/", "~1")
const pointer = (...parts: string[]) =>
  `#${parts.map((part) => `/${encodeURIComponent(escaped(part))}`).join("")}`
const describedPath = ({ path }: Operation) => path.replaceAll(/:(\w+)/g, "{$1}")
const nameOf = (operation: Operation) =>
  Object.entries(operations).find(([, known]) => known === operation)?.[0] ?? ""

/** Parameters of a path: this id, and 0 for every other. */
const params = (operation: Operation, id: string) =>
  Object.fromEntries(Object.keys(operation.params.shape).map((name) => [name, name === "id" ? id : 0]))

function unusedId({ path, method }: Operation): string {
  if (path.includes("templates")) return method === "put" ? "made-here" : "no-such-template"
  if (path.includes("assets")) return newId("ast")
  if (path.includes("batches")) return newId("bat")
  if (path.includes("webhook-endpoints")) return newId("whe")
  if (path.includes("webhook-deliveries")) return newId("dlv")
  return newId(path.includes("keys") ? "key" : "job")
}

/** What an answer holds: one value, or as many as there are events or lines. */
async function valuesOf(response: Response, type: string): Promise<unknown[]> {
  if (type === "text/event-stream") {
    const events = await Array.fromAsync(readEvents(response))
    return events.map(({ data }) => JSON.parse(data) as unknown)
  }
  if (type.includes("json") && type !== "application/x-ndjson") return [await response.json()]
  const text = await response.text()
  return type === "application/x-ndjson"
    ? text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown)
    : [text]
}

suite("the served OpenAPI document", () => {
  let world: World
  let document: Document
  let ajv: Ajv2020
  const seen = new Set<string>()
  before(async () => {
    world = await startWorld({ env: { KILN_ALLOW_PRIVATE: "inputs,webhooks" } })
    document = (await (await fetch(`${world.url}/v1/openapi.json`)).json()) as Document
    ajv = new Ajv2020({ strict: false, allErrors: true })
    addFormats.default(ajv)
    ajv.addSchema(document, "document")
  })
  after(() => world[Symbol.asyncDispose]())

  const described = (operation: Operation): Described => {
    const found = document.paths[describedPath(operation)]?.[operation.method]
    assert.ok(found, operation.path)
    return found
  }

  /** Fails unless `value` is what the document says of it. */
  function isValid(value: unknown, ...where: string[]): void {
    const validate = ajv.getSchema(`document${pointer(...where)}`)
    assert.ok(validate, where.join(" "))
    if (!validate(value)) assert.fail(`${where.join(" ")}: ${ajv.errorsText(validate.errors)}`)
  }

  /** Sends, and holds status, headers, media type and body against the document. */
  async function call<Of extends Operation>(
    client: Client,
    operation: Of,
    options: Parameters<typeof client.request<Of>>[1] = {},
  ): Promise<{ status: number; body: unknown; headers: Headers }> {
    const response = await client.request(operation, options)
    const id = nameOf(operation)
    const declared = described(operation).responses[response.status]
    assert.ok(declared, `${id} answered ${response.status}: ${await response.clone().text()}`)
    seen.add(`${id} ${response.status}`)
    for (const [name, header] of Object.entries(declared.headers ?? {})) {
      if (header.required) assert.ok(response.headers.get(name), `${id} ${response.status} lacks ${name}`)
    }
    const where = ["paths", describedPath(operation), operation.method, "responses", `${response.status}`]
    return { status: response.status, headers: response.headers, body: await content(response, where) }
  }

  async function content(response: Response, where: string[]): Promise<unknown> {
    const [type = ""] = (response.headers.get("content-type") ?? "").split(";", 1)
    const declared = Object.keys(
      document.paths[where[1] ?? ""]?.[where[2] ?? ""]?.responses[response.status]?.content ?? {},
    )
    if (type === "") {
      assert.deepEqual(declared, [], where.join(" "))
      return assert.equal(await response.text(), "")
    }
    assert.ok(declared.includes(type), `${where.join(" ")}: ${type}`)
    const values = await valuesOf(response, type)
    assert.ok(values.length > 0)
    for (const value of values) isValid(value, ...where, "content", type, "schema")
    return values[0]
  }

  const keyFor = async (scopes: ("jobs:read" | "webhooks")[]) => {
    const { key } = await world.client.send(operations.createKey, { body: { tenant: "walker", scopes } })
    return createClient({ baseUrl: world.url, key, retries: 0 })
  }

  test("it is sound: unique ids, references that lead somewhere, parameters and schemas that are declared", () => {
    assert.equal(document.openapi, "3.1.0")
    const all = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    )
    assert.equal(
      new Set(all.map(({ operation }) => operation.operationId)).size,
      Object.keys(operations).length,
    )
    for (const [, reference = ""] of JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)) {
      assert.ok(ajv.getSchema(`document${reference}`), reference)
    }
    for (const { path, method, operation } of all) {
      const inPath = operation.parameters.filter(({ in: place }) => place === "path")
      assert.deepEqual(
        inPath.map(({ name, required }) => [name, required]),
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, true]),
      )
      const names = operation.parameters.map(({ name, in: place }) => `${place} ${name}`)
      assert.equal(new Set(names).size, names.length, path)
      for (const index of operation.parameters.keys()) {
        assert.ok(
          ajv.getSchema(`document${pointer("paths", path, method, "parameters", `${index}`, "schema")}`),
        )
      }
    }
  })

  test("each success of each operation is what it says", async () => {
    const { client } = world
    const made = await call(client, operations.createGeneration, { body: { prompt: "a mug", n: 2 } })
    const { id } = made.body as { id: string }
    isValid({ prompt: "a mug", n: 2 }, "components", "schemas", "GenerationRequest")
    assert.equal(made.status, 202)
    await call(client, operations.getJob, { params: { id } })
    await call(client, operations.watchJob, { params: { id } })
    const waited = { body: { prompt: "a cup", n: 1 }, query: { wait: 30 } }
    assert.equal((await call(client, operations.createGeneration, waited)).status, 200)
    const ended = await call(client, operations.getJob, { params: { id }, query: { wait: 30 } })
    const etag = ended.headers.get("etag") ?? ""
    const poll = { params: { id }, headers: { "if-none-match": etag } }
    assert.equal((await call(client, operations.getJob, poll)).status, 304)
    await call(client, operations.getOutput, { params: { id, index: 1 } })
    await call(client, operations.listJobs, { query: { limit: 1 } })
    await call(client, operations.listModels)
    const not_before = new Date(Date.now() + 3_600_000).toISOString()
    const later = (await call(client, operations.createGeneration, { body: { prompt: "later", not_before } }))
      .body
    const { id: laterId } = later as { id: string }
    await call(client, operations.cancelJob, { params: { id: laterId } })
    assert.equal((await call(client, operations.retryJob, { params: { id: laterId } })).status, 202)
    assert.equal((await call(client, operations.deleteJob, { params: { id: laterId } })).status, 204)
    const failed = await call(client, operations.createGeneration, {
      body: { prompt: "[[safety]]" },
      query: { wait: 30 },
    })
    assert.equal((failed.body as { status: string }).status, "failed")
    const key = (
      await call(client, operations.createKey, { body: { tenant: "walker", scopes: ["jobs:read"] } })
    ).body
    await call(client, operations.listKeys)
    await call(client, operations.revokeKey, { params: { id: (key as { id: string }).id } })
    const template = {
      name: "Mug",
      prompt: "A {colour} mug",
      variables: [{ name: "colour", example: "red" }],
    }
    const own = { params: { id: "walkers-mug" } }
    assert.equal((await call(client, operations.putTemplate, { ...own, body: template })).status, 201)
    assert.equal((await call(client, operations.putTemplate, { ...own, body: template })).status, 200)
    await call(client, operations.getTemplate, own)
    await call(client, operations.listTemplates)
    await call(client, operations.deleteTemplate, own)
    await using photo = await servePhoto()
    const body = { url: photo.url }
    const kept = await call(client, operations.createAsset, { body })
    assert.equal(kept.status, 201)
    assert.equal((await call(client, operations.createAsset, { body })).status, 200)
    const asset = { params: { id: (kept.body as { id: string }).id } }
    await call(client, operations.getAsset, asset)
    const edit = { prompt: "a blue one", images: [{ asset: asset.params.id }, body] }
    isValid(edit, "components", "schemas", "EditRequest")
    assert.equal((await call(client, operations.createEdit, { body: edit })).status, 202)
    const finished = await call(client, operations.createEdit, { body: edit, query: { wait: 30 } })
    assert.equal((finished.body as { inputs: object[] }).inputs.length, 2)
    const refined = {
      prompt: "a green one",
      previous_job: (finished.body as { id: string }).id,
      include_text: true,
    }
    isValid(refined, "components", "schemas", "EditRequest")
    const told = await call(client, operations.createEdit, { body: refined, query: { wait: 30 } })
    assert.equal((told.body as { content: object[] }).content.length, 2)
    await call(client, operations.deleteAsset, asset)
    const ofWalker = { params: { tenant: "walker" } }
    await call(client, operations.putLimits, { ...ofWalker, body: { weight: 2, daily_budget_usd: 10 } })
    await call(client, operations.getLimits, ofWalker)
    await call(client, operations.getQueue)
    await call(client, operations.resumeQueue, { body: { account: "none" } })
    const estimated = { prompt: "a mug", n: 2 }
    isValid(estimated, "components", "schemas", "EstimateRequest")
    await call(client, operations.createEstimate, { body: estimated })
    await call(client, operations.getUsage, { query: { group_by: "day,key" } })
    await walkBatches(client)
    await walkWebhooks(photo.url)
    await call(client, operations.getHealth)
    await call(client, operations.getReadiness)
    for (const [name, { status }] of Object.entries(operations))
      assert.ok(seen.has(`${name} ${status}`), name)
  })

  async function walkBatches(client: Client): Promise<void> {
    const batch = {
      items: [
        { custom_id: "a", prompt: "a mug" },
        { custom_id: "b", prompt: "[[safety]]" },
      ],
    }
    isValid(batch, "components", "schemas", "BatchRequest")
    const made = await call(client, operations.createBatch, { body: batch })
    const own = { params: { id: (made.body as { id: string }).id } }
    const ended = await call(client, operations.getBatch, { ...own, query: { wait: 30 } })
    const poll = { ...own, headers: { "if-none-match": ended.headers.get("etag") ?? "" } }
    assert.equal((await call(client, operations.getBatch, poll)).status, 304)
    await call(client, operations.listBatches)
    await call(client, operations.listBatchItems, { ...own, query: { status: "failed" } })
    await call(client, operations.getBatchResults, own)
    const csv = await call(client, operations.getBatchResults, { ...own, headers: { accept: "text/csv" } })
    assert.match(csv.headers.get("content-type") ?? "", /^text\/csv/)
    await call(client, operations.getBatchArchive, own)
    await call(client, operations.getBatchContactSheet, own)
    await call(client, operations.watchBatch, own)
    await call(client, operations.retryFailedItems, own)
    await call(client, operations.getBatch, { ...own, query: { wait: 30 } })
    assert.equal((await call(client, operations.cancelBatch, own)).status, 409)
    const not_before = new Date(Date.now() + 3_600_000).toISOString()
    const later = await call(client, operations.createBatch, { body: { ...batch, defaults: { not_before } } })
    const waiting = { params: { id: (later.body as { id: string }).id } }
    await call(client, operations.pauseBatch, waiting)
    await call(client, operations.resumeBatch, waiting)
    assert.equal((await call(client, operations.deleteBatch, waiting)).status, 409)
    await call(client, operations.cancelBatch, waiting)
    await call(client, operations.deleteBatch, own)
    const invalid = { items: [{ custom_id: "a", prompt: "x", n: 99 }] }
    // The refusal that names rows is declared like every other one.
    const wrong = { body: invalid as unknown as typeof batch }
    assert.equal((await call(client, operations.createBatch, wrong)).status, 422)
    const dear = { body: { ...batch, max_cost_usd: 0.0001 } }
    assert.equal((await call(client, operations.createBatch, dear)).status, 402)
  }

  async function walkWebhooks(url: string): Promise<void> {
    const { client } = world
    const asked = { url, headers: { "X-Walk": "yes" } }
    isValid(asked, "components", "schemas", "CreateWebhookEndpointRequest")
    const made = await call(client, operations.createWebhookEndpoint, { body: asked })
    const own = { params: { id: (made.body as { id: string }).id } }
    await call(client, operations.listWebhookEndpoints)
    await call(client, operations.getWebhookEndpoint, own)
    await call(client, operations.updateWebhookEndpoint, { ...own, body: { description: "walked" } })
    await call(client, operations.rotateWebhookSecret, own)
    const sent = await call(client, operations.testWebhookEndpoint, own)
    const { id } = sent.body as { id: string }
    await call(client, operations.getWebhookDelivery, { params: { id } })
    await call(client, operations.redeliverWebhook, { params: { id } })
    const since = new Date(0).toISOString()
    await call(client, operations.replayWebhookEvents, { ...own, body: { since, dry_run: true } })
    const listed = await call(client, operations.listWebhookDeliveries)
    assert.ok((listed.body as { data: unknown[] }).data.length > 0)
    const pulled = await call(client, operations.listEvents)
    assert.ok((pulled.body as { data: unknown[] }).data.length > 1)
    await call(client, operations.createWebhookSecret)
    await call(client, operations.deleteWebhookEndpoint, own)
  }

  const bodies: Record<string, object> = {
    createBatch: { items: [{ custom_id: "a", prompt: "a mug" }] },
    createKey: { tenant: "x", scopes: ["admin"] },
    putLimits: { parallel_jobs: 3 },
    putTemplate: { name: "Mug", prompt: "A mug" },
    createAsset: { url: "https://example.org/a.png" },
    createEdit: { prompt: "a mug", images: [{ url: "https://example.org/a.png" }] },
    createWebhookEndpoint: { url: "http://127.0.0.1:9999/" },
    updateWebhookEndpoint: { description: "mine" },
    replayWebhookEvents: { since: "2026-01-01T00:00:00Z" },
  }

  test("each refusal of each operation is a problem that it declares", async () => {
    const stranger = createClient({ baseUrl: world.url, key: "kiln_sk_nobody", retries: 0 })
    const webhooks = await keyFor(["webhooks"])
    const reader = await keyFor(["jobs:read"])
    for (const [name, operation] of Object.entries(operations) as [string, Operation][]) {
      if (operation.scope === null) continue
      const own = { params: params(operation, unusedId(operation)) }
      const takesBody = ["post", "put", "patch"].includes(operation.method)
      const unable = operation.scope === "webhooks" ? reader : webhooks
      const body = bodies[name] ?? { prompt: "a mug" }
      const whole = takesBody && described(operation).requestBody ? { ...own, body } : own
      assert.equal((await call(stranger, operation, whole)).status, 401, name)
      assert.equal((await call(unable, operation, whole)).status, 403, name)
      assert.equal(
        (await call(world.client, operation, { ...whole, query: { colour: "red" } })).status,
        400,
        name,
      )
      if ("id" in operation.params.shape) {
        const found = operation.method === "put" ? 201 : 404
        assert.equal((await call(world.client, operation, whole)).status, found, name)
        assert.equal(
          (await call(world.client, operation, { params: params(operation, "job_x") })).status,
          400,
          name,
        )
      }
      if (!takesBody) continue
      const wrongType = { ...own, body: "x", headers: { "content-type": "text/plain" } }
      assert.equal((await call(world.client, operation, wrongType)).status, 415, name)
      const huge = { ...own, body: { prompt: "x".repeat(27_000_000) } }
      assert.equal((await call(world.client, operation, huge)).status, 413, name)
    }
  })

  test("refusals that need a history are declared too", async () => {
    const { client } = world
    const { id } = await world.make({ prompt: "done" })
    assert.equal((await call(client, operations.cancelJob, { params: { id } })).status, 409)
    assert.equal((await call(client, operations.retryJob, { params: { id } })).status, 409)
    const old = `job_${"0".repeat(32)}`
    for (const operation of [
      operations.getJob,
      operations.cancelJob,
      operations.retryJob,
      operations.watchJob,
      operations.deleteJob,
    ]) {
      assert.equal((await call(client, operation, { params: { id: old } })).status, 410, operation.path)
    }
    const headers = { "idempotency-key": "walk" }
    await call(client, operations.createGeneration, { body: { prompt: "one" }, headers })
    const mismatch = await call(client, operations.createGeneration, { body: { prompt: "two" }, headers })
    assert.equal(mismatch.status, 422)
    const dear = { body: { prompt: "dear", max_cost_usd: 0.0001 } }
    assert.equal((await call(client, operations.createGeneration, dear)).status, 402)
  })

  test("no worker is an answer that readyz declares", async () => {
    await using lonely = await startWorld({ workers: 0 })
    assert.equal((await call(lonely.client, operations.getReadiness)).status, 503)
  })
})
