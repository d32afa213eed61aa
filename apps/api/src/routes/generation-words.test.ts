import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import { Job } from "@kiln/contract"
import { guidanceTopics } from "@kiln/jobs"

import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
before(async () => {
  api = await startTrialApi()
})
after(() => api[Symbol.asyncDispose]())

const create = (body: object, headers: Record<string, string> = {}) =>
  api.send("/v1/generations", { body, headers })

const put = (id: string, prompt: string) =>
  api.send(`/v1/templates/${id}`, {
    method: "PUT",
    body: { name: id, prompt, variables: [{ name: "color", example: "red" }] },
  })

const pointers = (body: { errors: { pointer: string; code: string }[] }) =>
  body.errors.map(({ pointer, code }) => `${pointer}:${code}`)

test("a job of a template shows the template and the prompt that was made of it", async () => {
  await put("mug", "A {color} mug")
  const { status, body } = await create({ template: "mug", variables: { color: "{color}" } })
  assert.equal(status, 202)
  const job = Job.parse(body)
  assert.deepEqual([job.template, job.prompt, job.warnings], ["mug", "A {color} mug", []])
  assert.deepEqual((await api.send(`/v1/jobs/${job.id}`)).body, body)
  assert.equal((await create({ prompt: "a red mug" })).body.template, null)
})

test("a built-in template needs only the values that have no default", async () => {
  const { body } = await create({ template: "sticker", variables: { subject: "a fox", action: "sleeping" } })
  assert.match(body.prompt, /^A kawaii sticker of a fox, sleeping\./)
  assert.deepEqual(body.warnings, [])
})

test("a long rendered prompt lies in storage like any other", async () => {
  await put("long", `${"ä".repeat(3_000)} {color}`)
  const { body } = await create({ template: "long", variables: { color: "red" } })
  const record = await api.ledger.read(body.id)
  assert.deepEqual([record?.spec.prompt, record?.spec.template], [null, "long"])
  assert.match((await api.send(`/v1/jobs/${body.id}`)).body.prompt, /ä red$/)
})

test("what no prompt can be made of is refused at its field, and costs nothing", async () => {
  await put("mug", "A {color} mug")
  const refusals = [
    [{}, "/prompt:required"],
    [{ prompt: "a", template: "mug" }, "/template:invalid_value"],
    [{ prompt: "a", variables: { color: "red" } }, "/variables:invalid_value"],
    [{ template: "nothing" }, "/template:unknown_template"],
    [{ template: "inpaint", variables: {} }, "/template:wrong_type"],
    [{ template: "mug" }, "/variables/color:required"],
    [{ template: "mug", variables: { color: "red", size: "big" } }, "/variables/size:unknown_variable"],
    [{ template: "mug", variables: { color: "x".repeat(4_001) } }, "/variables/color:too_big"],
    [{ template: "mug", variables: { color: "\ud800" } }, "/variables/color:invalid_value"],
  ] as const
  for (const [sent, expected] of refusals) {
    const { status, body } = await create(sent)
    assert.deepEqual([status, pointers(body)], [400, [expected]])
  }
  const { body } = await create({ template: "mug" })
  assert.match(body.detail, /the template mug needs a value for color/)
  assert.match((await create({})).body.detail, /`template`/)
})

test("a replay says what the template said first, though it was changed or deleted since", async () => {
  await put("fleeting", "A {color} mug")
  const sent = [
    { template: "fleeting", variables: { color: "red" } },
    { "idempotency-key": "words" },
  ] as const
  const first = await create(...sent)
  await put("fleeting", "A {color} cup on a table")
  const changed = await create(...sent)
  assert.deepEqual([changed.status, changed.body], [202, first.body])
  assert.equal(changed.headers.get("idempotent-replayed"), "true")
  await api.send("/v1/templates/fleeting", { method: "DELETE" })
  assert.deepEqual((await create(...sent)).body, first.body)
  assert.equal((await create(sent[0])).status, 400)
  const other = await create({ ...sent[0], variables: { color: "blue" } }, sent[1])
  assert.equal(other.status, 400)
})

test("a prompt that goes against the guide is taken, with a warning that links to the page", async () => {
  const { status, body } = await create({ prompt: "A street, no cars", model: "nano-banana" })
  assert.equal(status, 202)
  assert.deepEqual(
    Job.parse(body).warnings.map(({ code, docs }) => [code, docs]),
    [
      ["model_replaced", null],
      ["negative_wording", `${api.url}/docs/guidance#negative_wording`],
    ],
  )
  assert.deepEqual((await api.send(`/v1/jobs/${body.id}`)).body.warnings, body.warnings)
})

test("the page has a section for each code, and needs neither key nor internet", async () => {
  const { status, headers, text } = await api.send("/docs/guidance", { key: null })
  assert.equal(status, 200)
  assert.match(headers.get("content-type") ?? "", /^text\/html/)
  for (const code of Object.keys(guidanceTopics)) assert.match(text, new RegExp(`<section id="${code}">`))
  assert.doesNotMatch(text, /https?:|<script/)
})
