import assert from "node:assert/strict"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PassThrough } from "node:stream"
import { test } from "node:test"

import { KilnError, KilnUnreachable } from "@kiln/client"
import type { Batch } from "@kiln/contract"

import { openBatchFile, rowsOf, rowsToSend } from "./batch-file.ts"
import { connect } from "./connect.ts"
import { exitCodeOf, Interrupted, RowsRefused, UsageError } from "./exit-codes.ts"
import { errorAsJson, explain } from "./explain.ts"
import { jobOf, JobFlags, readFlags } from "./flags.ts"
import { inParallel } from "./in-parallel.ts"
import { duration, usd } from "./in-words.ts"
import { missingPhotos, notePhotos, withAssets, type LocalPhotos } from "./local-photos.ts"
import { barLine, batchLine } from "./progress-line.ts"
import { table } from "./table.ts"
import { createTerminal } from "./terminal.ts"

const { signal } = new AbortController()

async function folderWith(files: Record<string, string>) {
  const path = await mkdtemp(join(tmpdir(), "kiln-cli-"))
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

const running = {
  status: "running",
  counts: { total: 600, queued: 310, running: 20, succeeded: 265, failed: 4, canceled: 0, expired: 1 },
  usage: { cost_usd: 6.55, estimated_cost_usd: 20.16 },
  eta_seconds: 940,
} as Batch

test("progress fits the terminal, however narrow", () => {
  const line = batchLine(running, 260, 120)
  assert.match(
    line,
    /^█{13}░{17} +45 % {2}270\/600 · 5 failed · \$6.55 of \$20.16 · 16 min left · 260 saved$/,
  )
  for (const columns of [120, 79, 40, 10, 1]) assert.ok(batchLine(running, 260, columns).length <= columns)
  assert.equal(barLine(1, "12/12", 80).indexOf("░"), -1)
  assert.match(batchLine({ ...running, status: "paused" }, undefined, 120), /· paused$/)
})

test("money and time are told in words", () => {
  assert.deepEqual([0, 0.0336, 20.155, null].map(usd), ["$0.00", "$0.0336", "$20.16", "$?"])
  assert.deepEqual([5, 940, 7_500].map(duration), ["5 s", "16 min", "2 h 5 min"])
})

test("each kind of error has its exit code", () => {
  const errors = [
    new UsageError("x"),
    new RowsRefused([]),
    new KilnError(401, {}),
    new KilnError(422, {}),
    new KilnError(429, {}),
    new KilnError(503, {}),
    new KilnUnreachable("x"),
    new Interrupted("x"),
    new Error("disk full"),
  ]
  assert.deepEqual(errors.map(exitCodeOf), [2, 3, 3, 3, 4, 4, 4, 130, 1])
})

test("refused rows are a table for people and a list for scripts", () => {
  const errors = [
    { line: 3, custom_id: "a\u001B[2J", pointer: "/n", code: "too_big", detail: "must be at most 8" },
  ]
  const error = new KilnError(422, { code: "batch_invalid", detail: "One row is not valid", errors })
  assert.match(explain(error, ""), /^LINE {2}CUSTOM_ID +FIELD {2}WHAT IS WRONG\n3 {5}a \[2J/)
  assert.deepEqual((errorAsJson(error) as { error: { errors: unknown } }).error.errors, errors)
  assert.equal(table(["A", "B"], [["1", ""]]), "A  B\n1")
})

test("flags become fields of a request, and what is no number is refused by its flag", () => {
  const flags = readFlags(JobFlags, { n: "2", aspectRatio: "4:3", size: "2K", var: ["product=a=b"] })
  assert.deepEqual(jobOf(undefined, flags), {
    n: 2,
    aspect_ratio: "4:3",
    image_size: "2K",
    variables: { product: "a=b" },
  })
  assert.throws(() => readFlags(JobFlags, { maxCost: "cheap" }), /--max-cost must be a number/)
  assert.throws(() => jobOf("x", readFlags(JobFlags, { metadata: ["sku"] })), /expected name=value/)
})

test("the key of the Kiln on this machine is used there only", async () => {
  await using folder = await folderWith({ "admin.key": "kiln_sk_local\n" })
  const env = { KILN_URL: "http://127.0.0.1:1", KILN_API_KEY: undefined, KILN_DATA_DIR: folder.path }
  assert.equal((await connect({}, env, "/")).url, env.KILN_URL)
  await assert.rejects(connect({ url: "https://kiln.example" }, env, "/"), /No API key/)
  await assert.rejects(connect({ url: "nowhere" }, env, "/"), UsageError)
})

test("photos in rows become assets, and every row keeps its line", async () => {
  const csv = 'custom_id,images,metadata.note\na,./a.png|https://x/y.png,"two\nlines"\nb,./no.png,\n'
  await using folder = await folderWith({ "rows.csv": csv, "a.png": "png" })
  const file = await openBatchFile(join(folder.path, "rows.csv"), signal)
  const photos: LocalPhotos = new Map()
  for await (const { line, value } of rowsOf(file, signal)) notePhotos(photos, value, folder.path, line)
  assert.deepEqual(await missingPhotos(photos), [
    {
      line: 4,
      custom_id: "b",
      pointer: "/images",
      code: "input_unreadable",
      detail: "./no.png: there is no such file",
    },
  ])
  const assets = new Map([[join(folder.path, "a.png"), "ast_1"]])
  await using sent = await rowsToSend(file, withAssets(rowsOf(file, signal), folder.path, assets), signal)
  const lines = (await sent.content.text()).split("\n")
  assert.deepEqual(JSON.parse(lines[1] ?? ""), {
    custom_id: "a",
    images: [{ asset: "ast_1" }, { url: "https://x/y.png" }],
    metadata: { note: "two\nlines" },
  })
  assert.deepEqual([lines[0], lines[2]], ["", ""])
  assert.equal((JSON.parse(lines[3] ?? "") as { custom_id: string }).custom_id, "b")
})

test("a file of JSON has its rows and what goes with them", async () => {
  const body = { name: "spring", items: [{ custom_id: "a", prompt: "x" }] }
  await using folder = await folderWith({ "b.json": JSON.stringify(body), "c.json": "{", "d.xls": "" })
  const file = await openBatchFile(join(folder.path, "b.json"), signal)
  assert.deepEqual(file.options, { name: "spring" })
  await using sent = await rowsToSend(file, undefined, signal)
  assert.equal(await sent.content.text(), '{"custom_id":"a","prompt":"x"}\n')
  await assert.rejects(openBatchFile(join(folder.path, "c.json"), signal), RowsRefused)
  await assert.rejects(openBatchFile(join(folder.path, "d.xls"), signal), UsageError)
  await assert.rejects(openBatchFile(join(folder.path, "none.csv"), signal), /no such file/)
})

test("so many at once and no more; the first error stops the rest and is thrown", async () => {
  let [atOnce, most, started] = [0, 0, 0]
  const work = async (n: number) => {
    started += 1
    most = Math.max(most, (atOnce += 1))
    await new Promise(setImmediate)
    atOnce -= 1
    if (n === 4) throw new Error("four")
  }
  await inParallel([0, 1, 2, 3], 2, work)
  assert.equal(most, 2)
  await assert.rejects(inParallel(Array(100).fill(4), 2, work), /four/)
  assert.ok(started < 20)
})

const read = (of: PassThrough) => String(of.read() ?? "")

function terminalOf({ isTTY }: { isTTY: boolean }) {
  const stream = () => Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY, columns: 40 })
  const [stdin, stdout, stderr] = [stream(), stream(), stream()]
  const streams = { stdin, stdout, stderr } as unknown as Parameters<typeof createTerminal>[0]
  let now = 0
  const terminal = createTerminal({ ...streams, isJson: true, isQuiet: false, now: () => now })
  return {
    terminal,
    stdin,
    out: () => read(stdout),
    err: () => read(stderr),
    pass: (ms: number) => (now += ms),
  }
}

test("a terminal has one line of progress, a log gets one now and then, and stdout has the answer alone", () => {
  const screen = terminalOf({ isTTY: true })
  screen.terminal.progress((columns) => `at ${columns}`)
  screen.terminal.result({ a: 1 }, "one")
  assert.equal(screen.err(), "\r\u001B[Kat 40\n")
  assert.equal(screen.out(), '{\n  "a": 1\n}\n')
  const log = terminalOf({ isTTY: false })
  for (const words of ["one", "two"]) log.terminal.progress(() => words)
  log.pass(10_000)
  log.terminal.progress(() => "three")
  assert.equal(log.err(), "one\nthree\n")
})

test("whoever sits at a terminal is asked; a script is not", async () => {
  assert.equal(await terminalOf({ isTTY: false }).terminal.confirm("Go on?", signal), true)
  for (const [answer, agreed] of [
    ["y\n", true],
    ["\n", false],
  ] as const) {
    const { terminal, stdin } = terminalOf({ isTTY: true })
    const asked = terminal.confirm("Go on?", signal)
    stdin.write(answer)
    assert.equal(await asked, agreed)
  }
  const { terminal, stdin } = terminalOf({ isTTY: true })
  const asked = terminal.confirm("Go on?", signal)
  stdin.end()
  assert.equal(await asked, false)
})
