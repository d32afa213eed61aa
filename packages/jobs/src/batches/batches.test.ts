import assert from "node:assert/strict"
import { test } from "node:test"

import { newId, type BatchItem } from "@kiln/contract"

import { csvCell } from "./csv-cell.ts"
import { csvColumns, type CsvColumns } from "./csv-columns.ts"
import { createFileNames } from "./file-names.ts"
import { itemIndexOf, itemJobId } from "./item-id.ts"
import { rawItems } from "./raw-items.ts"
import { resultHeader, resultLine } from "./result-line.ts"

function columns(...header: string[]): CsvColumns {
  const found = csvColumns(header)
  assert.ok("read" in found)
  return found
}

const values = (row: object, options: Parameters<typeof rawItems>[1] = {}) =>
  [...rawItems({ line: 1, value: row, errors: [] }, options)].map(({ value }) => value)

test("an item's job has an id of its own that says its number and sorts by it", () => {
  const batch = newId("bat")
  const ids = [0, 1, 255, 256, 4_095, 99_999].map((index) => itemJobId(batch, index))
  assert.deepEqual(ids, ids.toSorted())
  assert.deepEqual(ids.map(itemIndexOf), [0, 1, 255, 256, 4_095, 99_999])
  for (const id of ids) assert.match(id, /^job_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/)
  assert.notEqual(itemJobId(newId("bat"), 1), itemJobId(newId("bat"), 1))
})

test("columns become the fields of an item, and empty cells none", () => {
  const read = columns(
    "custom_id",
    "n",
    "include_text",
    "images",
    "metadata.shop",
    "variables.color",
    "seed",
    "",
  )
  const { value, errors } = read.read([
    " a ",
    "2",
    "yes",
    "https://x/1.png | https://x/2.png",
    "s",
    "red",
    "",
    "",
  ])
  assert.deepEqual(errors, [])
  assert.deepEqual(JSON.parse(JSON.stringify(value)), {
    custom_id: "a",
    n: 2,
    include_text: true,
    images: [{ url: "https://x/1.png" }, { url: "https://x/2.png" }],
    metadata: { shop: "s" },
    variables: { color: "red" },
  })
})

test("what is no field, no number or too large is refused or left for the schema", () => {
  const wrong = csvColumns(["custom_id", "colour", "n", "n"])
  assert.ok("errors" in wrong)
  assert.deepEqual(
    wrong.errors.map(({ pointer, code }) => `${pointer} ${code}`),
    ["/colour unknown_field", "/n invalid_value"],
  )
  assert.ok("errors" in csvColumns(["", ""]))
  const read = columns("custom_id", "n", "prompt")
  assert.equal(read.read(["a", "two"]).value["n"], "two")
  assert.equal(read.read(["a", "1", "x".repeat(1_000_001)]).errors[0]?.code, "too_big")
  assert.equal(read.read(["a", "1", "p", "beyond"]).errors[0]?.code, "unknown_field")
})

test("a column cannot reach what every object has", () => {
  const { value } = columns("custom_id", "metadata.__proto__").read(["a", "x"])
  assert.equal(({} as Record<string, unknown>)["x"], undefined)
  assert.deepEqual(Object.keys(value["metadata"] as object), ["__proto__"])
})

test("a row lies over the defaults, and a prompt takes the place of a template", () => {
  const defaults = { template: "mug", variables: { a: "1", b: "2" }, metadata: { shop: "x" }, n: 2 }
  assert.deepEqual(values({ custom_id: "1", variables: { b: "3" }, metadata: { row: "y" } }, { defaults }), [
    {
      custom_id: "1",
      template: "mug",
      variables: { a: "1", b: "3" },
      metadata: { shop: "x", row: "y" },
      n: 2,
    },
  ])
  assert.deepEqual(values({ custom_id: "1", prompt: "p" }, { defaults }), [
    { custom_id: "1", prompt: "p", metadata: { shop: "x" }, n: 2 },
  ])
  const options = { priority: "low", deadline_seconds: 5 } as const
  assert.deepEqual(values({ custom_id: "1", priority: "high" }, options), [
    { custom_id: "1", priority: "high", deadline_seconds: 5 },
  ])
})

test("every product is made in every scene", () => {
  const scenes = [
    { id: "beach", template: "t", variables: { place: "beach" } },
    { id: "desk", prompt: "on a desk" },
  ]
  const product = { custom_id: "mug", variables: { color: "red" }, images: [{ url: "https://x/1" }] }
  assert.deepEqual(values(product, { scenes }), [
    {
      custom_id: "mug/beach",
      template: "t",
      variables: { place: "beach", color: "red" },
      images: [{ url: "https://x/1" }],
    },
    {
      custom_id: "mug/desk",
      prompt: "on a desk",
      variables: { color: "red" },
      images: [{ url: "https://x/1" }],
    },
  ])
  const wrong = [...rawItems({ line: 4, value: { custom_id: "mug", prompt: "p" }, errors: [] }, { scenes })]
  assert.deepEqual(
    wrong.map(({ line, errors }) => [line, errors[0]?.pointer]),
    [[4, "/prompt"]],
  )
})

test("cells that a spreadsheet would run are text", () => {
  assert.equal(csvCell("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0")
  for (const start of ["+1", "-1", "@x", "\t=1"]) assert.match(csvCell(start), /^"?'/)
  assert.equal(csvCell('say "hi", twice'), '"say ""hi"", twice"')
  assert.equal(csvCell(-0.5), "-0.5")
  assert.equal(csvCell(null), "")
})

test("a line of results has a cell for each name of the header", () => {
  const item: BatchItem = {
    object: "batch_item",
    index: 3,
    custom_id: "=1+1",
    job: null,
    status: "canceled",
    taken_over: false,
    urls: ["https://a", "https://b"],
    outputs: [],
    error: null,
    cost_usd: 0.04,
    started_at: null,
    completed_at: null,
  }
  assert.equal(resultLine(item).split(",").length, resultHeader().split(",").length)
  assert.match(resultLine(item), /^'=1\+1,3,,canceled,https:\/\/a\|https:\/\/b,/)
})

test("names in an archive are safe on every system and never the same twice", () => {
  const nameOf = createFileNames()
  const made = [
    "../../etc/passwd",
    "CON",
    "con.txt",
    "a:b*c?",
    "A",
    "a",
    "x/y",
    "X/Y",
    "",
    "..",
    "trailing. ",
    "a\u202Egnp",
    "ß".repeat(300),
    "v1.0/front",
    "v1.0",
  ].map((id) => nameOf(id, "", "png"))
  assert.equal(new Set(made.map((name) => name.toLowerCase())).size, made.length)
  for (const name of made) {
    assert.doesNotMatch(name, /(^|\/)\.{0,2}(\/|$)|^\/|[<>:"|?*\\\p{Cc}\p{Cf}]|[. ](\/|$)/u, name)
    assert.doesNotMatch(name, /(^|\/)(con|prn|aux|nul|com\d|lpt\d)(\.|\/|$)/i, name)
    for (const part of name.split("/")) assert.ok(Buffer.byteLength(part) <= 100, name)
  }
  const folders = new Set(
    made.filter((name) => name.includes("/")).map((name) => name.slice(0, name.indexOf("/"))),
  )
  for (const folder of folders) assert.ok(!made.includes(folder), folder)
})
