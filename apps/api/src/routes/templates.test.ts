import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import { listOf, Template } from "@kiln/contract"

import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
before(async () => {
  api = await startTrialApi()
})
after(() => api[Symbol.asyncDispose]())

const mug = {
  name: "Mug",
  prompt: "A {color} mug stands on {surface}.",
  variables: [
    { name: "color", description: "Of the mug", example: "red" },
    { name: "surface", default: "a table" },
  ],
}

const put = (id: string, change: object = {}, key = api.key) =>
  api.send(`/v1/templates/${id}`, { method: "PUT", body: { ...mug, ...change }, key })

test("a template is made, replaced, read and deleted", async () => {
  const made = await put("mug")
  assert.deepEqual([made.status, made.headers.get("location")], [201, "/v1/templates/mug"])
  const template = Template.parse(made.body)
  assert.deepEqual(template.example, { color: "red", surface: "a table" })
  assert.deepEqual([template.type, template.built_in], ["generation", false])
  assert.ok(Math.abs(Date.parse(template.created_at ?? "") - Date.now()) < 60_000)

  const replaced = await put("mug", { name: "Cup" })
  assert.deepEqual([replaced.status, replaced.headers.get("location")], [200, null])
  assert.deepEqual(replaced.body, { ...template, name: "Cup" })
  assert.deepEqual((await api.send("/v1/templates/mug")).body, replaced.body)

  assert.equal((await api.send("/v1/templates/mug", { method: "DELETE" })).status, 204)
  assert.equal((await api.send("/v1/templates/mug", { method: "DELETE" })).status, 404)
  assert.equal((await api.send("/v1/templates/mug")).status, 404)
})

test("the list has the built-in ones first, then the tenant's own, page by page", async () => {
  const key = await api.makeKey("pages", ["jobs:read", "jobs:write"])
  for (const id of ["zebra", "apple", "mug"]) await put(id, {}, key)
  const all = await api.send("/v1/templates?limit=100", { key })
  const { data } = listOf(Template).parse(all.body)
  assert.deepEqual(
    data.slice(-4).map(({ id }) => id),
    ["preserve-detail", "apple", "mug", "zebra"],
  )
  assert.equal(data.length, 14)
  for (const limit of [1, 4, 11, 13]) {
    const seen: string[] = []
    let next: string | undefined = `/v1/templates?limit=${limit}`
    while (next !== undefined) {
      const { body, headers } = await api.send(next, { key })
      seen.push(...body.data.map(({ id }: { id: string }) => id))
      next = /^<([^>]+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1]
      assert.equal(body.has_more, next !== undefined)
    }
    assert.deepEqual(
      seen,
      data.map(({ id }) => id),
    )
  }
})

test("another tenant neither sees nor changes a template, and may have its own of the same id", async () => {
  await put("only-acmes", { name: "Acme's" })
  const key = await api.makeKey("globex", ["jobs:write"])
  const reader = await api.makeKey("globex", ["jobs:read"])
  assert.equal((await api.send("/v1/templates/only-acmes", { key: reader })).status, 404)
  assert.equal((await api.send("/v1/templates/only-acmes", { key, method: "DELETE" })).status, 404)
  assert.doesNotMatch((await api.send("/v1/templates?limit=100", { key: reader })).text, /only-acmes/)
  const body = { template: "only-acmes", variables: { color: "red" } }
  const refused = await api.send("/v1/generations", { key, body })
  assert.deepEqual([refused.status, refused.body.errors[0].code], [400, "unknown_template"])
  assert.equal((await put("only-acmes", { name: "Globex's" }, key)).status, 201)
  assert.equal((await api.send("/v1/templates/only-acmes")).body.name, "Acme's")
})

test("who may only read does not write templates", async () => {
  const key = await api.makeKey("acme", ["jobs:read"])
  assert.equal((await put("mug", {}, key)).status, 403)
  assert.equal((await api.send("/v1/templates/mug", { key, method: "DELETE" })).status, 403)
  const writer = await api.makeKey("acme", ["jobs:write"])
  assert.equal((await api.send("/v1/templates", { key: writer })).status, 403)
})

test("a built-in template can be neither replaced nor deleted", async () => {
  for (const { status, body } of [
    await put("sticker"),
    await api.send("/v1/templates/sticker", { method: "DELETE" }),
  ]) {
    assert.deepEqual([status, body.code], [403, "forbidden"])
    assert.match(body.detail, /sticker is a built-in template/)
  }
  assert.equal((await api.send("/v1/templates/sticker")).body.built_in, true)
})

test("a template whose prompt and variables do not agree is refused at its fields", async () => {
  const { status, body } = await put("mug", { prompt: "A {colour} mug on {surface} {" })
  assert.equal(status, 400)
  assert.deepEqual(
    body.errors.map(({ pointer, code }: { pointer: string; code: string }) => `${pointer}:${code}`),
    ["/prompt:undeclared_variable", "/prompt:stray_brace", "/variables/0/name:unused_variable"],
  )
  const pointers = async (change: object) =>
    (await put("mug", change)).body.errors.map(({ pointer }: { pointer: string }) => pointer)
  assert.deepEqual(await pointers({ colour: 1 }), ["/colour"])
  assert.deepEqual(await pointers({ prompt: "x".repeat(8_001) }), ["/prompt"])
  assert.deepEqual(await pointers({ variables: [{ name: "color" }] }), ["/variables/0/example"])
  const wrongId = await put("Not-An-Id")
  assert.deepEqual([wrongId.status, wrongId.body.errors[0].pointer], [400, "/id"])
  const empty = await api.send("/v1/templates/mug", { method: "PUT" })
  assert.equal(empty.status, 400)
  const headers = { "content-type": "text/plain" }
  assert.equal((await api.send("/v1/templates/mug", { method: "PUT", body: "a", headers })).status, 415)
})
