import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, suite, test } from "node:test"
import { promisify } from "node:util"

import { operations, type BatchEvent } from "@kiln/contract"
import sharp from "sharp"

import { clientOf, endedBatch, postRows, refuseRows, resultsOf, takeRows } from "../world/batches.ts"
import { photoOf, servePhoto } from "../world/photo-server.ts"
import { plain } from "../world/plain.ts"
import { readEvents } from "../world/sse.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

const run = promisify(execFile)
const zero = { queued: 0, running: 0, succeeded: 0, failed: 0, canceled: 0, expired: 0 }
const csv = "text/csv"
const ndjson = "application/x-ndjson"
const lines = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join("\n")

/** Unpacks an archive with a program that is not ours. */
async function unpacked(
  archive: Uint8Array,
): Promise<AsyncDisposable & { read(name: string): Promise<Buffer>; names: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), "kiln-zip-"))
  await writeFile(join(folder, "a.zip"), archive)
  await run("unzip", ["-q", join(folder, "a.zip"), "-d", join(folder, "out")])
  const listed = await run("unzip", ["-Z1", join(folder, "a.zip")])
  return {
    names: listed.stdout.trim().split("\n"),
    read: (name) => readFile(join(folder, "out", name)),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

/** A web server whose photo is away until it is told to be there. */
async function startMovedPhoto() {
  const photo = await photoOf("#334455", 400, 300)
  const state = { isThere: false, requests: 0 }
  const server = createServer((_request, response) => {
    state.requests += 1
    if (state.isThere) response.end(photo)
    else response.writeHead(404).end()
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/p.jpg`
  return { url, state, [Symbol.asyncDispose]: async () => void server.close() }
}

suite("batches", () => {
  let world: World
  before(async () => {
    world = await startWorld({ env: { KILN_ALLOW_PRIVATE: "inputs", KILN_CONCURRENCY: "12" } })
  })
  after(() => world[Symbol.asyncDispose]())

  test("a spreadsheet as Excel writes it is made, and counts, results, items and jobs agree", async () => {
    const rows = Array.from({ length: 30 }, (_, n) =>
      n === 7 ? `sku-${n};[[safety]];x;;` : `sku-${n};"a mug\r\nno ""${n}""";=1+${n};;`,
    )
    const body = `\uFEFFcustom_id;prompt;metadata.note;;\r\n${rows.join("\r\n")}\r\n;;;;\r\n`
    const batch = await takeRows(world, { type: csv, body, query: { name: "spring", max_cost_usd: "5" } })
    assert.deepEqual(batch.counts, { ...zero, total: 30, queued: 30 })
    assert.ok((batch.usage.estimated_cost_usd ?? 0) > 1)
    // The results are followed from the beginning, while the batch runs.
    const followed = await resultsOf(world.client, batch.id)
    const ended = await endedBatch(world.client, batch.id)
    assert.equal(ended.status, "completed")
    assert.deepEqual(ended.counts, { ...zero, total: 30, succeeded: 29, failed: 1 })
    assert.equal(new Set(followed.map(({ custom_id }) => custom_id)).size, 30)
    assert.equal(followed.length, 30)
    const failed = followed.filter(({ status }) => status === "failed")
    assert.deepEqual(
      failed.map(({ custom_id, error }) => [custom_id, error?.code]),
      [["sku-7", "content_blocked"]],
    )
    const cost = followed.reduce((sum, { cost_usd }) => sum + (cost_usd ?? 0), 0)
    // Each is rounded to a ten-thousandth of a cent.
    assert.ok(Math.abs(cost - (ended.usage.cost_usd ?? 0)) <= 30 * 5e-7, `${cost} ${ended.usage.cost_usd}`)
    const { data } = await world.client.send(operations.listBatchItems, {
      params: { id: batch.id },
      query: { status: "failed" },
    })
    assert.deepEqual(
      data.map(({ index }) => index),
      [7],
    )
    const jobs = await world.client.send(operations.listJobs, { query: { batch: batch.id, limit: 100 } })
    assert.equal(jobs.data.length, 30)
    const job = jobs.data.find(({ custom_id }) => custom_id === "sku-3")
    assert.equal(job?.prompt, 'a mug\r\nno "3"')
    assert.deepEqual(job?.metadata, { note: "=1+3" })
    assert.equal(job?.batch, batch.id)
  })

  test("results as CSV are read by another program, and run nothing there", async () => {
    const body = lines([
      { custom_id: "=cmd|' /C calc'!A0", prompt: "a mug" },
      { custom_id: 'a "b", c', prompt: "a cup" },
    ])
    const batch = await takeRows(world, { type: ndjson, body })
    await endedBatch(world.client, batch.id)
    const response = await world.client.request(operations.getBatchResults, {
      params: { id: batch.id },
      headers: { accept: csv },
    })
    const read = `import csv,sys,json; print(json.dumps(list(csv.DictReader(sys.stdin, strict=True))))`
    const python = run("python3", ["-c", read])
    python.child.stdin?.end(await response.text())
    const table = JSON.parse((await python).stdout) as Record<string, string>[]
    assert.deepEqual(
      table.map((row) => row["custom_id"]),
      ["'=cmd|' /C calc'!A0", 'a "b", c'],
    )
    assert.deepEqual(
      table.map((row) => row["status"]),
      ["succeeded", "succeeded"],
    )
    assert.equal((await fetch(table[1]?.["urls"] ?? "")).status, 200)
  })

  test("every product in every scene comes back in an archive and on one sheet", async () => {
    await using photo = await servePhoto()
    const batch = await world.client.send(operations.createBatch, {
      body: {
        defaults: { output_format: "jpeg", image_size: "1K" },
        products: ["mug", "CUP:1"].map((custom_id) => ({ custom_id, images: [{ url: photo.url }] })),
        scenes: [
          { id: "beach", prompt: "on a beach" },
          { id: "desk", prompt: "on a desk", n: 2 },
        ],
      },
    })
    const ended = await endedBatch(world.client, batch.id)
    assert.deepEqual(ended.counts, { ...zero, total: 4, succeeded: 4 })
    // Four items name the photo; it was fetched once.
    assert.equal(photo.requests(), 1)
    const response = await world.client.request(operations.getBatchArchive, { params: { id: batch.id } })
    await using zip = await unpacked(new Uint8Array(await response.arrayBuffer()))
    assert.deepEqual(zip.names.toSorted(), [
      "CUP_1/beach.jpg",
      "CUP_1/desk-1.jpg",
      "CUP_1/desk-2.jpg",
      "manifest.json",
      "mug/beach.jpg",
      "mug/desk-1.jpg",
      "mug/desk-2.jpg",
    ])
    const manifest = JSON.parse(String(await zip.read("manifest.json"))) as {
      items: { custom_id: string; files: { file: string; sha256: string }[] }[]
    }
    assert.deepEqual(
      manifest.items.map(({ custom_id }) => custom_id),
      ["mug/beach", "mug/desk", "CUP:1/beach", "CUP:1/desk"],
    )
    for (const { file, sha256 } of manifest.items.flatMap(({ files }) => files)) {
      assert.equal(
        createHash("sha256")
          .update(await zip.read(file))
          .digest("hex"),
        sha256,
      )
    }
    const sheet = await world.client.request(operations.getBatchContactSheet, { params: { id: batch.id } })
    const { format, width } = await sharp(Buffer.from(await sheet.arrayBuffer())).metadata()
    assert.deepEqual([format, width], ["png", 4 * 168 + 8])
  })

  test("every bad row is named before anything is paid, or left out where that is asked for", async () => {
    const calls = world.emulator.calls.length
    const body = lines([
      { custom_id: "a", prompt: "one" },
      { custom_id: "b", prompt: "two", n: 99 },
      { custom_id: "a", prompt: "three" },
      { custom_id: "c", template: "no-such" },
      { custom_id: "d", prompt: "four", colour: "red" },
    ])
    const problem = await refuseRows(world, { type: ndjson, body })
    assert.equal(problem.code, "batch_invalid")
    assert.deepEqual(
      problem.errors.map(({ line, custom_id, pointer, code }) => [line, custom_id, pointer, code]),
      [
        [2, "b", "/n", "too_big"],
        [3, "a", "/custom_id", "duplicate"],
        [4, "c", "/template", "unknown_template"],
        [5, "d", "/colour", "unknown_field"],
      ],
    )
    assert.equal(world.emulator.calls.length, calls)
    const form = new FormData()
    form.append("defaults", JSON.stringify({ metadata: { shop: "x" } }))
    form.append("on_invalid", "skip")
    form.append("file", new Blob([body]), "rows.ndjson")
    const headers = { authorization: `Bearer ${world.key}` }
    const taken = await fetch(`${world.url}/v1/batches`, { method: "POST", headers, body: form })
    const batch = (await taken.json()) as { id: string; refused: { count: number; errors: object[] } }
    assert.equal(taken.status, 202, JSON.stringify(batch))
    assert.deepEqual([batch.refused.count, batch.refused.errors.length], [4, 4])
    const ended = await endedBatch(world.client, batch.id)
    assert.deepEqual(ended.counts, { ...zero, total: 1, succeeded: 1 })
    const dear = await refuseRows(world, {
      type: ndjson,
      body: lines([{ custom_id: "a", prompt: "x" }]),
      query: { max_cost_usd: "0.0001" },
    })
    assert.equal(dear.code, "budget_exceeded")
    const listed = await world.client.send(operations.listBatches)
    assert.ok(listed.data.every(({ status }) => status !== "validating"))
  })

  test("a dead photo fails its rows alone, and what failed is run again alone", async () => {
    await using photo = await startMovedPhoto()
    const items = ["a", "b", "c"].map((custom_id) => ({
      custom_id,
      prompt: "a mug",
      images: [{ url: photo.url }],
    }))
    const body = lines([...items, { custom_id: "d", prompt: "a mug" }])
    const { id } = await takeRows(world, { type: ndjson, body })
    const first = await endedBatch(world.client, id)
    assert.deepEqual(first.counts, { ...zero, total: 4, succeeded: 1, failed: 3 })
    const failed = (await resultsOf(world.client, id)).filter(({ status }) => status === "failed")
    assert.deepEqual(
      failed.map(({ error }) => error?.code),
      Array(3).fill("input_unreachable"),
    )
    assert.ok(photo.state.requests <= 3, `it was asked for ${photo.state.requests} times`)
    photo.state.isThere = true
    const again = await world.client.send(operations.retryFailedItems, { params: { id } })
    assert.equal(again.status, "running")
    const second = await endedBatch(world.client, id)
    assert.deepEqual(second.counts, { ...zero, total: 4, succeeded: 4 })
    const kept = (await resultsOf(world.client, id)).find(({ custom_id }) => custom_id === "d")
    assert.equal(kept?.completed_at, (await world.job(kept?.job ?? "")).completed_at)
    assert.equal((await world.job(kept?.job ?? "")).attempts.length, 1)
  })

  test("posted again with resume, only new, changed and failed rows run", async () => {
    const rows = [
      { custom_id: "same", prompt: "a mug" },
      { custom_id: "changed", prompt: "a cup" },
      { custom_id: "failed", prompt: "[[safety]]" },
    ]
    const first = await takeRows(world, { type: ndjson, body: lines(rows) })
    await endedBatch(world.client, first.id)
    const calls = world.emulator.calls.length
    const next = [
      rows[0],
      { ...rows[1], prompt: "a blue cup" },
      { ...rows[2], prompt: "a jug" },
      { custom_id: "new", prompt: "x" },
    ]
    const body = lines(next.filter((row) => row !== undefined))
    const second = await takeRows(world, { type: ndjson, body, query: { resume: first.id } })
    assert.deepEqual([second.taken_over, second.resumed_from], [1, first.id])
    const ended = await endedBatch(world.client, second.id)
    assert.deepEqual(ended.counts, { ...zero, total: 4, succeeded: 4 })
    assert.equal(world.emulator.calls.length, calls + 3)
    const found = await resultsOf(world.client, second.id)
    const same = found.find(({ custom_id }) => custom_id === "same")
    const original = (await resultsOf(world.client, first.id)).find(({ custom_id }) => custom_id === "same")
    assert.deepEqual([same?.taken_over, same?.job, same?.cost_usd], [true, original?.job, 0])
    assert.equal((await fetch(same?.urls[0] ?? "")).status, 200)
  })

  test("events of items and of the batch come once each, and go on where a reader left off", async () => {
    const rows = Array.from({ length: 20 }, (_, n) => ({ custom_id: `${n}`, prompt: "a mug" }))
    const { id } = await takeRows(world, { type: ndjson, body: lines(rows) })
    const seen: BatchEvent[] = []
    let lastId = ""
    const watch = async (most: number) => {
      const headers: Record<string, string> = lastId === "" ? {} : { "last-event-id": lastId }
      const response = await world.client.request(operations.watchBatch, { params: { id }, headers })
      for await (const event of readEvents(response)) {
        seen.push(JSON.parse(event.data) as BatchEvent)
        lastId = event.id
        if (seen.length === most) break
      }
      return response.status
    }
    await watch(5)
    await watch(1_000)
    assert.equal(new Set(seen.map((event) => event.id)).size, seen.length)
    const types = seen.map(({ type }) => type)
    assert.equal(types.filter((type) => type === "job.succeeded").length, 20)
    assert.equal(types.filter((type) => type === "batch.completed").length, 1)
    assert.equal(types.at(-1), "batch.completed")
    assert.equal(await watch(1_000), 204)
  })

  test("the same Idempotency-Key makes one batch", async () => {
    const headers = { "idempotency-key": "once" }
    const rows = { type: ndjson, body: lines([{ custom_id: "a", prompt: "a mug" }]), headers }
    const answers = await Promise.all([1, 2, 3].map(() => postRows(world, rows)))
    const first = answers.find(({ status }) => status === 202)
    for (const { status } of answers) assert.ok(status === 202 || status === 409, String(status))
    const again = await postRows(world, rows)
    assert.deepEqual([again.status, again.headers.get("idempotent-replayed")], [202, "true"])
    assert.deepEqual(await again.json(), await first?.json())
    const other = await postRows(world, { ...rows, body: lines([{ custom_id: "b", prompt: "a mug" }]) })
    assert.equal(other.status, 422)
  })
})

const rowsOf = (count: number) =>
  lines(Array.from({ length: count }, (_, n) => ({ custom_id: `${n}`, prompt: "a mug", ...plain })))

suite("batches that take their time", () => {
  let world: World
  before(async () => {
    world = await startWorld({ emulator: { latencyMs: 150 }, env: { KILN_CONCURRENCY: "2" } })
  })
  after(() => world[Symbol.asyncDispose]())

  const countsOf = async (id: string) =>
    (await world.client.send(operations.getBatch, { params: { id } })).counts

  test("two tenants' batches go on side by side, and neither sees the other's", async () => {
    const { key } = await world.client.send(operations.createKey, {
      body: { tenant: "acme", scopes: ["jobs:read", "jobs:write"] },
    })
    const acme = { url: world.url, key }
    const [long, short] = [
      await takeRows(world, { type: ndjson, body: rowsOf(400) }),
      await takeRows(acme, { type: ndjson, body: rowsOf(8) }),
    ]
    await endedBatch(clientOf(acme), short.id)
    // The other tenant's four hundred rows were there first and are far from done.
    assert.ok((await countsOf(long.id)).succeeded < 100)
    const stranger = await clientOf(acme).request(operations.getBatch, { params: { id: long.id } })
    assert.equal(stranger.status, 404)
    assert.deepEqual(
      (await clientOf(acme).send(operations.listBatches)).data.map(({ id }) => id),
      [short.id],
    )
    await world.client.send(operations.cancelBatch, { params: { id: long.id } })
    const canceled = await endedBatch(world.client, long.id)
    assert.equal(canceled.status, "canceled")
    assert.equal(canceled.counts.succeeded + canceled.counts.canceled, 400)
    const events = await Array.fromAsync(
      readEvents(await world.client.request(operations.watchBatch, { params: { id: long.id } })),
    )
    assert.equal(events.filter(({ event }) => event === "batch.canceled").length, 1)
  })

  test("a paused batch starts nothing, other jobs go on, and resumed it is completed", async () => {
    const { id } = await takeRows(world, { type: ndjson, body: rowsOf(12), query: { max_parallel: "1" } })
    await until("something is made", async () => (await countsOf(id)).succeeded > 0)
    const paused = await world.client.send(operations.pauseBatch, { params: { id } })
    assert.equal(paused.status, "paused")
    const still = await until("nothing runs", async () => {
      const counts = await countsOf(id)
      return counts.running === 0 ? counts : undefined
    })
    assert.equal((await world.make({ prompt: "not of the batch" })).status, "succeeded")
    assert.deepEqual(await countsOf(id), still)
    await world.client.send(operations.resumeBatch, { params: { id } })
    const ended = await endedBatch(world.client, id)
    assert.deepEqual(ended.counts, { ...zero, total: 12, succeeded: 12 })
    const items = await resultsOf(world.client, id)
    // Items that ran one at a time never overlap.
    const spans = items
      .map(
        ({ started_at, completed_at }) =>
          [Date.parse(started_at ?? ""), Date.parse(completed_at ?? "")] as const,
      )
      .toSorted(([a], [b]) => a - b)
    for (const [n, [startedAt]] of spans.entries())
      assert.ok(n === 0 || startedAt >= (spans[n - 1]?.[1] ?? 0))
  })

  test("what has not ended by the batch's deadline expires, jobs or not", async () => {
    const { id } = await takeRows(world, { type: ndjson, body: rowsOf(30), query: { deadline_seconds: "2" } })
    const ended = await endedBatch(world.client, id)
    assert.equal(ended.status, "completed")
    assert.ok(ended.counts.expired > 0)
    assert.equal(ended.counts.expired + ended.counts.succeeded, 30)
  })
})
