import assert from "node:assert/strict"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, suite, test } from "node:test"

import { readJsonBody } from "./json-body.ts"
import { readRows, type RowFormat } from "./read-rows.ts"
import { RowsFailure } from "./rows-failure.ts"

const signal = new AbortController().signal

const failure = async (step: () => Promise<unknown>): Promise<RowsFailure> => {
  try {
    await step()
  } catch (error) {
    if (error instanceof RowsFailure) return error
    throw error
  }
  assert.fail("nothing was refused")
}

suite("the rows of a file", () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "kiln-rows-"))
  })
  after(() => rm(folder, { recursive: true }))

  async function pathOf(content: string | Uint8Array): Promise<string> {
    const path = join(folder, "rows")
    await writeFile(path, content)
    return path
  }

  const rowsOf = async (content: string | Uint8Array, format: RowFormat = "csv") =>
    Array.fromAsync(readRows({ path: await pathOf(content), format }, signal))

  const plain = async (content: string | Uint8Array) =>
    (await rowsOf(content)).map(({ line, value }) => [line, JSON.parse(JSON.stringify(value))])

  const text = "custom_id,prompt\r\nä1,a mug\r\n2,語\r\n"
  const rows = [
    [2, { custom_id: "ä1", prompt: "a mug" }],
    [3, { custom_id: "2", prompt: "語" }],
  ]
  const bigEndian = () => Buffer.from(`\uFEFF${text}`, "utf16le").swap16()

  test("CSV is read in UTF-8 and UTF-16, with and without a byte order mark", async () => {
    for (const content of [
      text,
      `\uFEFF${text}`,
      Buffer.from(`\uFEFF${text}`, "utf16le"),
      Buffer.from(text, "utf16le"),
      bigEndian(),
    ]) {
      assert.deepEqual(await plain(content), rows)
    }
  })

  test("CSV is read with semicolons, tabs and what sep= says, with any line break", async () => {
    for (const content of [
      text.replaceAll(",", ";"),
      text.replaceAll(",", "\t"),
      text.replaceAll("\r\n", "\n"),
      text.replaceAll("\r\n", "\r"),
    ]) {
      assert.deepEqual(await plain(content), rows)
    }
    const said = await plain(`sep=|\r\n${text.replaceAll(",", "|")}`)
    assert.deepEqual(
      said,
      rows.map(([line, value]) => [Number(line) + 1, value]),
    )
  })

  test("line breaks within quotes do not shift the lines, and Excel's empty columns and rows are none", async () => {
    const found = await plain(
      'custom_id;prompt;;\r\na;"two\r\nlines; and ""quotes""";;\r\n;;;\r\n\r\nb;one;;\r\n',
    )
    assert.deepEqual(found, [
      [2, { custom_id: "a", prompt: 'two\r\nlines; and "quotes"' }],
      [6, { custom_id: "b", prompt: "one" }],
    ])
  })

  test("what is no CSV is refused with its line", async () => {
    const open = await failure(() => rowsOf('custom_id,prompt\na,b\nc,"open\nd,e\n'))
    assert.deepEqual([open.line, open.error.code], [3, "invalid_csv"])
    const latin = await failure(() => rowsOf(Buffer.from("custom_id,prompt\na,b\nc,M\xfcnchen\n", "latin1")))
    assert.deepEqual([latin.line, latin.error.code], [3, "invalid_encoding"])
    const column = await failure(() => rowsOf("custom_id,colour\na,b\n"))
    assert.deepEqual([column.line, column.error.code], [1, "unknown_field"])
    const half = await failure(() => rowsOf(Buffer.from(`\uFEFF${text}`, "utf16le").subarray(0, -1)))
    assert.equal(half.error.code, "invalid_encoding")
  })

  test("a cell larger than 1 MB is refused in its line, and the others are read", async () => {
    const found = await rowsOf(`custom_id,prompt\na,${"x".repeat(1_000_001)}\nb,ok\n`)
    assert.deepEqual(
      found.map(({ line, errors }) => [line, errors[0]?.code]),
      [
        [2, "too_big"],
        [3, undefined],
      ],
    )
  })

  test("NDJSON is read line by line, and a line that is none is a row with an error", async () => {
    const found = await rowsOf('\uFEFF{"a":1}\n\n  \nnope\n{"b":"\u2028"}', "ndjson")
    assert.deepEqual(
      found.map(({ line, value, errors }) => [line, value, errors[0]?.code]),
      [
        [1, { a: 1 }, undefined],
        [4, undefined, "invalid_json"],
        [5, { b: "\u2028" }, undefined],
      ],
    )
  })

  test("the rows of a JSON body are found wherever they stand, whatever is in them", async () => {
    const items = [{ a: 'x]},{"items":[1]}', b: [[{}], '\\"'] }, 7, "text, with [ and {", null, [], {}]
    for (const body of [
      { name: "n", items },
      { items, name: "n", defaults: { items: [1, { products: [2] }] } },
    ]) {
      for (const content of [JSON.stringify(body), JSON.stringify(body, null, 2)]) {
        const read = await readJsonBody(await pathOf(content), signal)
        const { items: _, ...options } = body
        assert.deepEqual(read, { options, member: "items" })
        assert.deepEqual(
          (await rowsOf(content, "json")).map(({ value }) => value),
          items,
        )
      }
    }
  })

  test("rows cut at any byte are the same", async () => {
    const body = JSON.stringify({ x: 'a\\"', products: [{ a: "[" }, { b: 'é"' }], y: [1] })
    const { createRowScanner } = await import("./row-scanner.ts")
    const bytes = Buffer.from(body)
    for (let cut = 0; cut <= bytes.length; cut++) {
      const found: string[] = []
      const scanner = createRowScanner((row) => found.push(row.toString()))
      scanner.push(bytes.subarray(0, cut))
      scanner.push(bytes.subarray(cut))
      assert.deepEqual(found, ['{"a":"["}', '{"b":"é\\""}'])
      assert.deepEqual(scanner.end(), { text: '{"x":"a\\\\\\"","products":[],"y":[1]}', member: "products" })
    }
  })

  test("bodies that are no JSON are refused, and so are empty places between rows", async () => {
    for (const content of ['{"items":[{}', '{"items":[]', "[1]", "7", "", '{"items":[]}}', "{items:[]}"]) {
      await failure(async () => readJsonBody(await pathOf(content), signal))
    }
    const found = await rowsOf('{"items":[{},,{}]}', "json")
    assert.deepEqual(
      found.map(({ errors }) => errors.length),
      [0, 1, 0],
    )
    assert.deepEqual(await rowsOf('{"items":[ ]}', "json"), [])
  })
})
