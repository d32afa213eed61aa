import assert from "node:assert/strict"
import { once } from "node:events"
import { readdir } from "node:fs/promises"
import { connect } from "node:net"
import { join } from "node:path"
import { after, before, suite, test } from "node:test"

import { aspectRatios, newId, type Job } from "@kiln/contract"
import * as fc from "fast-check"

import { photoOf } from "../world/photo-server.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

/** A request that takes longer than this hangs. */
const hangMs = 20_000
const atOnce = 25

/** Values that have broken parsers before, beside whatever fast-check thinks of. */
const oddText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({ unit: "grapheme", maxLength: 200 }),
  fc.constantFrom(
    "",
    " ",
    "\0",
    "__proto__",
    "constructor",
    "../../etc/passwd",
    "%00",
    "\ud800",
    "1e999",
    "null",
  ),
)
const oddValue = fc.oneof(
  { depthSize: "small" },
  oddText,
  fc.jsonValue({ maxDepth: 3 }),
  fc.double(),
  fc.bigInt().map(String),
  fc.constantFrom(null, -1, 0, 99, 1e308, true, [], {}, [[[[]]]]),
)

const rightRequest = fc.record(
  {
    prompt: fc.constantFrom("a mug", "ein Becher", "コップ", "x".repeat(5_000)),
    model: fc.constantFrom("gemini-3-pro-image", "nano-banana"),
    fallback_models: fc.constantFrom(["nano-banana"], ["nano-banana", "gemini-nano-banana-2.1"]),
    n: fc.integer({ min: 1, max: 8 }),
    aspect_ratio: fc.constantFrom(...aspectRatios),
    image_size: fc.constantFrom("1K", "2K", "4K"),
    output_format: fc.constantFrom("png", "jpeg", "webp"),
    metadata: fc.dictionary(fc.string({ minLength: 1, maxLength: 64 }), fc.string({ maxLength: 99 }), {
      maxKeys: 16,
    }),
    seed: fc.integer(),
    temperature: fc.integer({ min: 0, max: 2 }),
    not_before: fc.constant("2026-01-01T00:00:00Z"),
    deadline_seconds: fc.integer({ min: 1, max: 600 }),
    max_cost_usd: fc.constantFrom(0.001, 10),
    webhook: fc.record(
      { url: fc.constantFrom("https://8.8.8.8/", "https://8.8.8.8:8443/a?b#c"), events: fc.constant(["*"]) },
      { requiredKeys: ["url"] },
    ),
  },
  { requiredKeys: ["prompt"] },
)
const fieldNames = [
  "prompt",
  "template",
  "variables",
  "n",
  "image_size",
  "output_quality",
  "metadata",
  "safety",
  "grounding",
  "fallback_models",
  "person_generation",
  "temperature",
  "webhook",
]
const wrongFields = fc.dictionary(fc.oneof(fc.constantFrom(...fieldNames), oddText), oddValue, { maxKeys: 2 })

/** Right requests with something odd in none, one or two fields: they come the farthest. */
const nearlyRight = fc
  .tuple(rightRequest, fc.oneof(fc.constant({}), wrongFields))
  .map(([right, wrong]) => JSON.stringify({ ...right, ...wrong }))

/** Edits with images in every way and a conversation to go on with: what is there, what is not, and what is odd. */
const nearlyEdit = ({ photo, asset, job }: { photo: string; asset: string; job: string }) => {
  const image = fc.record(
    {
      data: fc.oneof(
        fc.constantFrom(photo, `data:image/png;base64,${photo}`, photo.slice(7), "AAAA"),
        oddText,
      ),
      asset: fc.constantFrom(asset, newId("ast")),
      job: fc.constantFrom(job, newId("job")),
      output: fc.integer({ min: -1, max: 3 }),
      key: fc.oneof(fc.constantFrom("a.png", "../a.png", "a//b", "%2e%2e/x"), oddText),
      url: fc.oneof(
        fc.constantFrom("https://8.8.8.8/a.png", "http://[::1]/", "ftp://x/"),
        fc.webUrl(),
        oddText,
      ),
      mime_type: oddText,
    },
    { requiredKeys: [] },
  )
  const only = image.chain((all) => {
    const given = Object.entries(all)
    if (given.length === 0) return fc.constant(all)
    return fc
      .constantFrom(...given)
      .map(([name, value]) => (name === "job" ? { job: value, output: 0 } : { [name]: value }))
  })
  const rightImage = fc.constantFrom({ data: photo }, { asset }, { url: "https://8.8.8.8/a.png" })
  const images = fc.oneof(
    fc.array(rightImage, { minLength: 1, maxLength: 3 }),
    fc.array(fc.oneof({ weight: 6, arbitrary: only }, image, oddValue), { maxLength: 4 }),
  )
  const edit = fc.record(
    {
      images: fc.oneof({ weight: 9, arbitrary: images }, oddValue),
      previous_job: fc.constantFrom(job, newId("job"), "job_"),
    },
    { requiredKeys: [] },
  )
  return fc
    .tuple(rightRequest, edit, fc.oneof(fc.constant({}), wrongFields))
    .map(([right, asked, wrong]) => JSON.stringify({ ...right, ...asked, ...wrong }))
}

const anyBody = fc.oneof(
  { weight: 5, arbitrary: nearlyRight },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }) },
  { weight: 1, arbitrary: nearlyRight.map((text) => text.slice(0, -3)) },
)
const nearlyRows = fc.array(
  fc.tuple(rightRequest, fc.oneof(fc.constant({}), wrongFields), fc.oneof(fc.uuid(), oddText)),
  { maxLength: 6 },
)
/** Batches in each of their three forms, with odd rows, odd options and odd ends. */
const nearlyBatch = fc
  .tuple(nearlyRows, wrongFields, fc.constantFrom("json", "ndjson", "csv"), fc.nat(4))
  .map(([rows, options, form, cut]) => {
    const items = rows.map(([right, wrong, custom_id]) => ({ ...right, ...wrong, custom_id }))
    const whole =
      form === "json"
        ? JSON.stringify({ items, ...options, defaults: options })
        : form === "ndjson"
          ? items.map((item) => JSON.stringify(item)).join("\n")
          : `custom_id,prompt,n\n${items.map((item) => `${item.custom_id},${item.prompt},${item.n ?? ""}`).join("\n")}`
    const type = { json: "application/json", ndjson: "application/x-ndjson", csv: "text/csv" }[form] ?? ""
    return {
      type,
      body: cut === 0 ? whole.slice(0, -2) : whole,
      query: cut === 1 ? "?on_invalid=skip&name=x" : "",
    }
  })
const headerText = fc.stringMatching(/^[\x21-\x7e]{0,60}$/)
const oddHeaders = fc.record(
  {
    "content-type": fc.oneof(
      { weight: 6, arbitrary: fc.constant("application/json") },
      fc.constantFrom("text/plain", "application/json; charset=klingon", "multipart/form-data"),
      headerText,
    ),
    "content-encoding": fc.constantFrom("identity", "identity", "gzip", "zstd"),
    prefer: fc.oneof(fc.constantFrom("wait=0", "wait=x", "wait=99999999999", "respond-async"), headerText),
    "idempotency-key": headerText,
    "cancel-after": fc.oneof(fc.constantFrom("90s", "-1s", "1e9h"), headerText),
    "x-request-id": headerText,
    "if-none-match": headerText,
    "last-event-id": headerText,
  },
  { requiredKeys: ["content-type"] },
)
/** A public address: looked at when an endpoint is made, never called, as no worker is there. */
const rightEndpoint = fc.record(
  {
    url: fc.constantFrom("https://8.8.8.8/", "https://[2606:4700::1111]/hook"),
    events: fc.constantFrom(["*"], ["job.failed", "job.failed"]),
    description: fc.string({ maxLength: 500 }),
    enabled: fc.boolean(),
    headers: fc.dictionary(fc.stringMatching(/^[a-z]{1,20}$/), fc.stringMatching(/^[ -~]{0,99}$/), {
      maxKeys: 16,
    }),
  },
  { requiredKeys: ["url"] },
)
const endpointFields = ["url", "events", "description", "enabled", "headers", "since", "status", "dry_run"]
const nearlyEndpoint = fc
  .tuple(
    rightEndpoint,
    fc.oneof(
      fc.constant({}),
      fc.dictionary(fc.oneof(fc.constantFrom(...endpointFields), oddText), oddValue, { maxKeys: 2 }),
    ),
  )
  .map(([right, wrong]) => JSON.stringify({ ...right, ...wrong }))
const nearlyReplay = fc
  .tuple(fc.constantFrom("1970-01-01T00:00:00Z", "2026-11-22T10:00:00.5+23:59"), wrongFields)
  .map(([since, wrong]) => JSON.stringify({ since, ...wrong }))
const segment = fc.oneof(fc.constantFrom(newId("job"), "job_", "%2e%2e", "%zz", "a".repeat(3_000)), oddText)
const oddPath = fc.oneof(
  segment.map((id) => `/v1/jobs/${encodeURI(id.toWellFormed())}`),
  segment.map(
    (id) =>
      `/v1/jobs/${encodeURIComponent(id.toWellFormed())}/outputs/${encodeURIComponent(id.toWellFormed())}`,
  ),
  oddText.map((text) => `/v1/usage?group_by=${encodeURIComponent(text.toWellFormed())}`),
  segment.map((name) => `/v1/tenants/${encodeURIComponent(name.toWellFormed())}/limits`),
  oddText.map((text) => `/v1/jobs?limit=${encodeURIComponent(text.toWellFormed())}`),
  oddText.map(
    (text) => `/v1/jobs?metadata[${encodeURIComponent(text.toWellFormed())}]=1&metadata=2&status=queued`,
  ),
  fc.constantFrom(
    "/v1/jobs/%zz",
    "/v1/jobs?a[b][c][d][e][f][g]=1",
    "/files/../../etc/passwd",
    "/files/%2e%2e%2f%2e%2e",
  ),
  segment.map(
    (id) =>
      `/v1/batches/${encodeURIComponent(id.toWellFormed())}/items?after=${encodeURIComponent(id.toWellFormed())}`,
  ),
  segment.map((id) => `/v1/templates/${encodeURIComponent(id.toWellFormed())}`),
  segment.map((id) => `/v1/webhook-endpoints/${encodeURIComponent(id.toWellFormed())}/test`),
  segment.map((id) => `/v1/webhook-deliveries?event=${encodeURIComponent(id.toWellFormed())}`),
  segment.map((id) => `/v1/events?after=${encodeURIComponent(id.toWellFormed())}`),
  segment.map((id) => `/v1/templates?after=${encodeURIComponent(id.toWellFormed())}`),
  fc.webPath(),
)

async function refusedCleanly(response: Response): Promise<void> {
  const body = await response.text()
  assert.ok(response.status < 500, `${response.status} ${body}`)
  if (response.status < 400) return
  const problem = JSON.parse(body) as { code?: string; detail?: string; request_id?: string }
  assert.ok(problem.code && problem.detail, body)
  assert.doesNotMatch(body, /node_modules|\bat .*\.ts:|redis|ECONN|unix:/i)
}

/** Runs an arbitrary's values in batches, so that thousands take seconds. */
async function inBatches<Value>(
  arbitrary: fc.Arbitrary<Value>,
  runs: number,
  check: (value: Value) => Promise<void>,
) {
  const batches = fc.array(arbitrary, { minLength: atOnce, maxLength: atOnce })
  await fc.assert(
    fc.asyncProperty(batches, async (values) => void (await Promise.all(values.map(check)))),
    { numRuns: Math.ceil(runs / atOnce), endOnFailure: true },
  )
}

suite("whatever is sent", () => {
  let world: World
  before(async () => {
    world = await startWorld({ workers: 0 })
  })
  after(() => world[Symbol.asyncDispose]())

  const send = async (path: string, init: RequestInit): Promise<Response> => {
    const headers = { authorization: `Bearer ${world.key}`, ...(init.headers as Record<string, string>) }
    return fetch(world.url + path, {
      ...init,
      headers,
      redirect: "manual",
      signal: AbortSignal.timeout(hangMs),
    })
  }

  test("4 000 bodies and headers are taken or refused, never a 5xx", async () => {
    let taken = 0
    const path = fc.constantFrom("/v1/generations", "/v1/generations", "/v1/estimates")
    await inBatches(fc.tuple(anyBody, oddHeaders, path), 4_000, async ([body, headers, to]) => {
      const answer = await send(to, {
        method: "POST",
        headers,
        body: typeof body === "string" ? body : Buffer.from(body),
      })
      if (answer.status === 202) taken += 1
      await refusedCleanly(answer)
    })
    assert.ok(taken > 0)
  })

  test("600 forms are taken or refused, never a 5xx, and leave no file", async () => {
    let taken = 0
    const photo = await photoOf("#123456", 8, 8)
    const request = nearlyRight.map((text) => ["request", text] as const)
    const right = fc.constantFrom(["image", photo] as const)
    const oddPart = fc.tuple(
      fc.oneof(
        fc.constantFrom("image", "request", "images"),
        oddText.map((name) => name.toWellFormed()),
      ),
      fc.oneof(oddText, fc.uint8Array({ maxLength: 200 })),
    )
    const parts = fc.oneof(
      fc.tuple(request, right),
      fc.tuple(right, request, fc.oneof(right, oddPart)),
      fc.array(oddPart, { maxLength: 4 }),
    )
    const path = fc.constantFrom("/v1/edits", "/v1/edits", "/v1/generations")
    await inBatches(fc.tuple(path, parts), 600, async ([where, form]) => {
      const body = new FormData()
      for (const [name, content] of form) {
        if (typeof content === "string") body.append(name, content)
        else body.append(name, new Blob([Uint8Array.from(content)]), "x")
      }
      const answer = await send(where, { method: "POST", body })
      if (answer.status === 202) taken += 1
      await refusedCleanly(answer)
    })
    assert.ok(taken > 0)
    const spools = await readdir(join(world.dataDir, "spool"))
    for (const spool of spools) {
      await until(
        "no file is left",
        async () => (await readdir(join(world.dataDir, "spool", spool))).length === 0,
      )
    }
  })

  test("2 000 edits are taken, or refused with the field named, never a 5xx", async () => {
    const ends = { taken: 0, images: 0, previous: 0 }
    const photo = (await photoOf("#654321", 8, 8)).toString("base64")
    const first = await send("/v1/edits", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: "a mug", images: [{ data: photo }] }),
    })
    const { id: job, inputs } = (await first.json()) as Job
    const edits = nearlyEdit({ photo, job, asset: inputs[0]?.asset ?? "" })
    const path = fc.constantFrom("/v1/edits", "/v1/edits", "/v1/estimates")
    await inBatches(fc.tuple(path, edits), 2_000, async ([to, body]) => {
      const headers = { "content-type": "application/json" }
      const answer = await send(to, { method: "POST", headers, body })
      await refusedCleanly(answer.clone())
      if (answer.status === 202) ends.taken += 1
      if (answer.status !== 400) return
      const { errors } = (await answer.json()) as { errors: { pointer: string }[] }
      assert.ok(errors.length > 0, body)
      if (errors.some(({ pointer }) => pointer.startsWith("/images/"))) ends.images += 1
      if (errors.some(({ pointer }) => pointer === "/previous_job")) ends.previous += 1
    })
    assert.ok(Math.min(ends.taken, ends.images, ends.previous) > 0, JSON.stringify(ends))
  })

  test("600 batches are taken or refused with their rows named, never a 5xx", async () => {
    let taken = 0
    await inBatches(nearlyBatch, 600, async ({ type, body, query }) => {
      const headers = { "content-type": type }
      const answer = await send(`/v1/batches${query}`, { method: "POST", headers, body })
      if (answer.status === 202) taken += 1
      if (answer.status === 429) await answer.body?.cancel()
      else await refusedCleanly(answer)
    })
    assert.ok(taken > 0)
  })

  test("1 500 paths, queries and methods are answered, never with a 5xx", async () => {
    const method = fc.constantFrom("GET", "GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS")
    await inBatches(fc.tuple(oddPath, method), 1_500, async ([path, verb]) => {
      await refusedCleanly(await send(path, { method: verb }))
    })
  })

  test("1 000 endpoints, changes and replays are taken or refused, never a 5xx", async () => {
    const first = await send("/v1/webhook-endpoints", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ url: "https://8.8.8.8/" }),
    })
    const { id } = (await first.json()) as { id: string }
    const to = fc.constantFrom("", `/${id}`, `/${id}/replay`)
    await inBatches(fc.tuple(to, nearlyEndpoint, nearlyReplay), 1_000, async ([path, body, replay]) => {
      const answer = await send(`/v1/webhook-endpoints${path}`, {
        method: path === `/${id}` ? "PATCH" : "POST",
        headers: { "content-type": "application/json" },
        body: path.endsWith("replay") ? replay : body,
      })
      await refusedCleanly(answer)
    })
  })

  test("500 connections that do not speak HTTP are closed", async () => {
    const { port } = new URL(world.url)
    const almost = fc.constantFrom(
      "POST /v1/generations HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n{",
      "POST /v1/generations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "POST /v1/generations HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    )
    const bytes = fc.oneof(
      almost.map((text) => Buffer.from(text)),
      fc.uint8Array({ minLength: 1, maxLength: 600 }).map((raw) => Buffer.from(raw)),
    )
    await inBatches(bytes, 500, async (garbage) => {
      const socket = connect(Number(port), "127.0.0.1")
      const closed = once(socket, "close", { signal: AbortSignal.timeout(hangMs) })
      socket.on("error", () => {})
      let answer = ""
      socket.setEncoding("latin1").on("data", (chunk: string) => (answer += chunk))
      socket.end(garbage)
      await closed
      assert.doesNotMatch(answer, /^HTTP\/1\.1 5/)
    })
  })

  test("the API is as well as before", async () => {
    assert.equal((await fetch(`${world.url}/healthz`)).status, 200)
    assert.equal((await world.submit({ prompt: "still here" })).status, "queued")
    assert.doesNotMatch(world.api?.output() ?? "", /"level":(50|60)/)
  })
})
