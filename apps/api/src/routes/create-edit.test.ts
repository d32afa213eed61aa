import assert from "node:assert/strict"
import { mkdir, truncate, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { after, before, test } from "node:test"

import { Job, newId } from "@kiln/contract"

import { pngHeader, samplePng } from "../trial/sample-images.ts"
import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
before(async () => {
  api = await startTrialApi()
})
after(() => api[Symbol.asyncDispose]())

const edit = (images: unknown, more: object = {}, headers: Record<string, string> = {}) =>
  api.send("/v1/edits", { body: { prompt: "make it blue", images, ...more }, headers })
const base64Of = async (colour: string) => (await samplePng(colour)).toString("base64")
const errorsOf = (body: { errors: { pointer: string; code: string }[] }) =>
  body.errors.map(({ pointer, code }) => `${pointer} ${code}`)

test("images come as bytes, data URI, asset or output of a job, and are shown in their order", async () => {
  const [red, green] = [await base64Of("red"), await base64Of("green")]
  const first = await edit([{ data: red, mime_type: "image/png" }])
  assert.equal(first.status, 202, first.text)
  const [{ asset }] = first.body.inputs
  const { body: made } = await api.send("/v1/generations", { body: { prompt: "a mug" } })
  const picture = await samplePng("yellow", { width: 30, height: 90 })
  await api.paint(made.id, { picture })
  const images = [
    { asset },
    { data: `data:image/png;base64,${green}` },
    { job: made.id, output: 0 },
    { url: "https://example.org/secret.png" },
  ]
  const { status, headers, body } = await edit(images, { n: 2, metadata: { sku: "7" } })
  assert.equal(status, 202)
  const job = Job.parse(body)
  assert.equal(headers.get("location"), `/v1/jobs/${job.id}`)
  assert.deepEqual([job.type, job.prompt, job.parameters.n], ["edit", "make it blue", 2])
  assert.equal(job.parameters.aspect_ratio, undefined)
  assert.deepEqual(
    job.inputs.map(({ width, height, content_type }) => [width, height, content_type]),
    [
      [60, 40, "image/png"],
      [60, 40, "image/png"],
      [30, 90, "image/png"],
    ],
  )
  assert.equal(new Set(job.inputs.map((input) => input.asset)).size, 3)
  assert.equal(job.inputs[0]?.asset, asset)
  assert.deepEqual({ ...(await api.send(`/v1/jobs/${job.id}`)).body, queue: null }, { ...body, queue: null })
  const edits = await api.send("/v1/jobs?type=edit")
  assert.deepEqual(
    edits.body.data.map(({ id }: Job) => id),
    [job.id, first.body.id],
  )
  const record = await api.redis.hgetall(`{trial}:job:${job.id}`)
  assert.ok(JSON.stringify(record).length < 3_000)
  assert.equal((await api.send(`/v1/assets/${asset}`, { method: "DELETE" })).status, 204)
  assert.deepEqual((await api.send(`/v1/jobs/${job.id}`)).body.inputs, body.inputs)
})

test("a URL that could never be fetched is named at once", async () => {
  const urls = [
    "ftp://example.org/a",
    "a.png",
    "http://127.0.0.1/a",
    "https://me:pw@example.org/",
    "https://x.org:25/",
  ]
  const { status, body } = await edit(urls.map((url) => ({ url })))
  assert.equal(status, 400)
  assert.deepEqual(errorsOf(body), [
    "/images/0/url protocol_not_allowed",
    "/images/1/url url_not_valid",
    "/images/2/url address_not_allowed",
    "/images/3/url credentials_in_url",
    "/images/4/url port_not_allowed",
  ])
})

test("an image that was fetched is shown in its place", async () => {
  const { body } = await edit([{ url: "https://example.org/a.png" }, { data: await base64Of("pink") }])
  assert.equal(body.inputs.length, 1)
  const { epoch } = await api.begin(body.id)
  const input = {
    asset: newId("ast"),
    key: "acme/assets/a.png",
    content_type: "image/png",
    width: 1,
    height: 2,
  }
  assert.equal(await api.ledger.keepInput({ id: body.id, epoch, index: 0, input }), "kept")
  const stale = { id: body.id, epoch: epoch - 1, index: 0, input }
  assert.equal(await api.ledger.keepInput(stale), "fenced")
  const { inputs } = (await api.send(`/v1/jobs/${body.id}`)).body
  const { key: _, ...shown } = input
  assert.deepEqual(inputs, [shown, ...body.inputs])
})

test("each image that cannot be used is named, and nothing is made", async () => {
  const stranger = await api.makeKey("beta", ["jobs:write"])
  const image = { data: await base64Of("black") }
  const { body: theirs } = await api.send("/v1/edits", {
    key: stranger,
    body: { prompt: "x", images: [image] },
  })
  const { body: unpainted } = await api.send("/v1/generations", { body: { prompt: "a mug" } })
  const { status, body } = await edit([
    image,
    { asset: theirs.inputs[0].asset },
    { data: "not base64!" },
    { data: Buffer.from("<svg/>").toString("base64") },
    { data: pngHeader(50_000, 50_000).toString("base64") },
    { job: theirs.id, output: 0 },
    { job: unpainted.id, output: 0 },
  ])
  assert.deepEqual([status, body.code], [400, "invalid_request"])
  assert.deepEqual(errorsOf(body), [
    "/images/1/asset unknown_asset",
    "/images/2/data invalid_value",
    "/images/3/data input_unreadable",
    "/images/4/data input_unreadable",
    "/images/5/job unknown_job",
    "/images/6/output unknown_output",
  ])
})

test("a job goes on with an earlier one of the same tenant, which is named and found in storage", async () => {
  const { body: made } = await api.send("/v1/generations", {
    body: { prompt: "a mug", model: "gemini-3-pro-image" },
  })
  const early = await edit(undefined, { previous_job: made.id })
  assert.deepEqual(errorsOf(early.body), ["/previous_job not_succeeded"])
  await api.paint(made.id)
  const { status, body } = await edit(undefined, { previous_job: made.id, n: 2 })
  assert.equal(status, 202)
  assert.deepEqual(
    [body.type, body.previous_job, body.model, body.inputs, body.content],
    ["edit", made.id, "gemini-3-pro-image", [], null],
  )
  const record = await api.ledger.read(body.id)
  const { key } = (await api.ledger.read(made.id))?.outputs.get(0) ?? { key: "" }
  assert.deepEqual(record?.spec.previous, {
    job: made.id,
    output: 0,
    turnKey: key.replace("0.png", `0.${"0".repeat(16)}.turn`),
    image: { key, sha256: "0".repeat(64) },
  })
  const foreign = await api.send("/v1/edits", {
    key: await api.makeKey("elsewhere", ["jobs:write"]),
    body: { prompt: "mine", previous_job: made.id },
  })
  assert.deepEqual(errorsOf(foreign.body), ["/previous_job unknown_job"])
  assert.equal((await edit(undefined, { previous_job: "job_x" })).status, 400)
})

test("a conversation counts: what it repeats is paid again, and its image is one of the model's", async () => {
  const { body: made } = await api.send("/v1/generations", { body: { prompt: "a mug" } })
  await api.paint(made.id)
  const more = { previous_job: made.id, prompt: "x" }
  const alone = { body: { prompt: "x", max_cost_usd: 0.038 } }
  assert.equal((await api.send("/v1/generations", alone)).status, 202)
  const dear = await edit(undefined, { ...more, max_cost_usd: 0.0375 })
  assert.deepEqual([dear.status, dear.body.code], [402, "budget_exceeded"])
  const images = await Promise.all(
    ["red", "green", "blue"].map(async (name) => ({ data: await base64Of(name) })),
  )
  const many = await edit(images, { ...more, model: "few" })
  assert.deepEqual(errorsOf(many.body), ["/images unsupported_by_model"])
  assert.equal((await edit(images.slice(1), { ...more, model: "few" })).status, 202)
})

test("an image is given in exactly one way", async () => {
  const url = "https://example.org/a.png"
  for (const [images, expected] of [
    [undefined, "/images required"],
    [[], "/images too_small"],
    [Array.from({ length: 15 }, () => ({ url })), "/images too_big"],
    [[{}], "/images/0 invalid_value"],
    [[{ url, data: "eA==" }], "/images/0 invalid_value"],
    [[{ job: newId("job") }], "/images/0/output required"],
    [[{ url, output: 0 }], "/images/0/output invalid_value"],
    [[{ url, mime_type: "image/png" }], "/images/0/mime_type invalid_value"],
    [[{ key: "a.png", url }], "/images/0 invalid_value"],
    [[{ key: "../beta/a.png" }], "/images/0/key invalid_value"],
  ] as const) {
    const { status, body } = await edit(images)
    assert.equal(status, 400)
    assert.ok(errorsOf(body).includes(expected), JSON.stringify(body.errors))
  }
})

test("an image of the input bucket is looked for at once and fetched by the worker", async () => {
  await mkdir(join(api.given, "acme/spring"), { recursive: true })
  await mkdir(join(api.given, "beta"), { recursive: true })
  await writeFile(join(api.given, "acme/spring/a.png"), await samplePng("red"))
  await writeFile(join(api.given, "beta/theirs.png"), await samplePng("blue"))
  await writeFile(join(api.given, "acme/huge.png"), "")
  await truncate(join(api.given, "acme/huge.png"), 100_000_001)
  const taken = await edit([{ key: "spring/a.png" }])
  assert.deepEqual([taken.status, taken.body.inputs], [202, []])
  const record = await api.ledger.read(taken.body.id)
  assert.deepEqual(record?.spec.inputs, [{ object: "spring/a.png" }])
  const refused = await edit([{ key: "theirs.png" }, { key: "spring/a.png" }, { key: "huge.png" }])
  assert.deepEqual(
    [refused.status, errorsOf(refused.body)],
    [400, ["/images/0/key unknown_key", "/images/2/key input_unreadable"]],
  )
  assert.match(refused.body.detail, /larger than 100 MB/)
  await using bare = await startTrialApi({ hasBucket: false })
  const body = { prompt: "x", images: [{ key: "spring/a.png" }] }
  const without = await bare.send("/v1/edits", { body })
  assert.deepEqual([without.status, errorsOf(without.body)], [400, ["/images/0/key no_input_bucket"]])
})

test("what the model cannot do is refused before any image is looked at", async () => {
  const images = Array.from({ length: 4 }, () => ({ data: "not base64!" }))
  const few = await edit(images, { model: "few" })
  assert.deepEqual(errorsOf(few.body), ["/images unsupported_by_model"])
  const none = await edit(images, { model: "painter" })
  assert.deepEqual(errorsOf(none.body), ["/model unsupported_by_model"])
  const dear = await edit(images, { max_cost_usd: 0.000_1 })
  assert.equal(dear.status, 402)
})

test("templates for edits make its prompt, others do not", async () => {
  const images = [{ url: "https://example.org/a.png" }]
  const { body: list } = await api.send("/v1/templates?limit=50")
  const ofEdits = list.data.find(({ type }: { type: string }) => type === "edit")
  const body = { images, template: ofEdits.id, variables: ofEdits.example }
  assert.equal((await api.send("/v1/edits", { body })).status, 202)
  const wrong = await api.send("/v1/edits", { body: { ...body, template: "sticker" } })
  assert.deepEqual(errorsOf(wrong.body), ["/template wrong_type"])
})

test("a repeated request gives the first answer, even when its asset is deleted meanwhile", async () => {
  const made = await edit([{ data: await base64Of("white") }])
  const { asset } = made.body.inputs[0]
  const headers = { "idempotency-key": "edit once" }
  const first = await edit([{ asset }], {}, headers)
  assert.equal((await api.send(`/v1/assets/${asset}`, { method: "DELETE" })).status, 204)
  const second = await edit([{ asset }], {}, headers)
  assert.deepEqual([second.status, second.text], [202, first.text])
  assert.equal(second.headers.get("idempotent-replayed"), "true")
})
