import assert from "node:assert/strict"
import { readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { after, before, suite, test } from "node:test"

import { estimateBatch } from "@kiln/client"
import { operations, type Batch } from "@kiln/contract"

import { sha256Of, startCliWorld, type CliWorld } from "../world/kiln-cli.ts"
import { photoOf } from "../world/photo-server.ts"

suite("batches on the command line", () => {
  let cli: CliWorld
  before(async () => {
    cli = await startCliWorld()
  })
  after(() => cli[Symbol.asyncDispose]())

  const itemsOf = async (id: string) => {
    const page = await cli.world.client.send(operations.listBatchItems, {
      params: { id },
      query: { limit: 100 },
    })
    return page.data
  }

  test("bad rows are named by line before anything is sent, and the rest is taken when that is asked", async () => {
    const path = await cli.write("bad.csv", "custom_id,prompt,n\ngood,a mug,1\nbad,a mug,99\ngood,a cup,1\n")
    const refused = await cli.kiln(["batch", path, "--json"])
    assert.equal(refused.code, 3)
    assert.match(refused.stderr, /^3 +bad +n +must be at most 8$/m)
    assert.match(refused.stderr, /^4 +good +custom_id +is the name of an item in line 2 already$/m)
    const { error } = JSON.parse(refused.stdout) as { error: { errors: { line: number }[] } }
    assert.deepEqual(
      error.errors.map(({ line }) => line),
      [3, 4],
    )
    const { data } = await cli.world.client.send(operations.listBatches)
    assert.equal(data.length, 0)
    const taken = await cli.kiln(["batch", path, "--on-invalid", "skip", "--json"])
    assert.equal(taken.code, 0, taken.stderr)
    assert.deepEqual((JSON.parse(taken.stdout) as Batch).counts.succeeded, 1)
  })

  test("a photo that is none is named by its rows, and its neighbours cost nothing", async () => {
    await cli.write("fine.jpg", await photoOf("#aa3322", 40, 30))
    await cli.write("broken.jpg", "no photo")
    const rows = "a,./fine.jpg,x\nb,./broken.jpg,x\nc,./fine.jpg,x\n"
    const path = await cli.write("photos.csv", `custom_id,images,prompt\n${rows}`)
    const refused = await cli.kiln(["batch", path])
    assert.equal(refused.code, 3)
    assert.match(refused.stderr, /^3 +b +images +\.\/broken\.jpg: /m)
    assert.doesNotMatch(refused.stderr, /^[24] /m)
  })

  test("Ctrl-C leaves a batch running and says how to come back; coming back fetches what is missing", async () => {
    const rows = Array.from({ length: 12 }, (_, n) => `SKU ${n}/front,a mug no ${n}`)
    const path = await cli.write("many.csv", `custom_id,prompt\n${rows.join("\n")}\n`)
    const out = join(cli.folder, "many")
    const run = cli.start(["batch", path, "--out", out, "--max-parallel", "1"])
    await run.says(/bat_[0-9a-f]{32}: 12 items/)
    run.interrupt()
    const stopped = await run.ended
    assert.equal(stopped.code, 130)
    const [, come = "", id = ""] = /kiln (batch results (bat_\w+) --out \S+)$/m.exec(stopped.stderr) ?? []
    const batch = await cli.world.client.send(operations.getBatch, { params: { id } })
    assert.notEqual(batch.status, "canceled")
    const back = await cli.kiln([...come.split(" "), "--contact-sheet", "--json"])
    assert.equal(back.code, 0, back.stderr)
    const names = (await readdir(out)).toSorted()
    assert.deepEqual(names.slice(-2), ["contact-sheet.png", "results.csv"])
    for (const { custom_id, outputs } of await itemsOf(id)) {
      assert.equal(sha256Of(await readFile(join(out, `${custom_id}.png`))), outputs[0]?.sha256)
    }
    await rm(join(out, "SKU 3"), { recursive: true })
    await writeFile(join(out, "SKU 5/front.png"), "half an image")
    const fetched = cli.proxy.files
    assert.equal((await cli.kiln(come.split(" "))).code, 0)
    assert.equal(cli.proxy.files - fetched, 2)
  })

  test("what fails is shown and can be run again alone", async () => {
    const path = await cli.write(
      "some.ndjson",
      ["a mug", "a mug [[safety]]"]
        .map((prompt, n) => JSON.stringify({ custom_id: `p${n}`, prompt }))
        .join("\n"),
    )
    const run = await cli.kiln(["batch", path, "--json", "--out", join(cli.folder, "some")])
    assert.equal(run.code, 1)
    assert.match(run.stderr, /^p1 +content_blocked/m)
    const { id } = JSON.parse(run.stdout) as Batch
    const again = await cli.kiln(["batch", "retry-failed", id, "--json"])
    assert.equal(again.code, 0, again.stderr)
    const ended = await cli.kiln(["batch", "status", id, "--watch", "--json"])
    assert.deepEqual([ended.code, (JSON.parse(ended.stdout) as Batch).counts.failed], [1, 1])
    const lines = await cli.kiln(["batch", "results", id])
    assert.equal(lines.stdout.trim().split("\n").length, 2)
    assert.match((await cli.kiln(["batch", "list"])).stdout, new RegExp(`^${id} +completed +1/2`, "m"))
    assert.equal((await cli.kiln(["batch", "delete", id])).stdout, `${id}  deleted\n`)
    assert.equal((await cli.kiln(["batch", "status", id])).code, 3)
  })

  test("a batch is held, goes on and is canceled", async () => {
    const rows = Array.from({ length: 40 }, (_, n) => ({ custom_id: `p${n}`, prompt: "a mug" }))
    const path = await cli.write("held.json", JSON.stringify({ name: "held", items: rows, max_parallel: 1 }))
    const made = await cli.kiln(["batch", path, "--no-wait", "--json"])
    assert.equal(made.code, 0, made.stderr)
    const { id, name } = JSON.parse(made.stdout) as Batch
    assert.equal(name, "held")
    const early = await cli.kiln(["batch", "delete", id])
    assert.equal(early.code, 3)
    assert.match(early.stderr, /has not ended/)
    for (const [act, status] of [
      ["pause", /paused/],
      ["resume", /running/],
      ["cancel", /canceled|running/],
    ] as const) {
      const acted = await cli.kiln(["batch", act, id])
      assert.equal(acted.code, 0, acted.stderr)
      assert.match(acted.stdout, status)
    }
    const ended = await cli.kiln(["batch", "status", id, "--watch"])
    assert.equal(ended.code, 1)
    assert.match(ended.stdout, /canceled/)
  })

  test("an estimate says what the batch says, however its rows are sent", async () => {
    const defaults = { image_size: "2K", n: 2 } as const
    const rows = Array.from({ length: 5 }, (_, n) => ({
      custom_id: `p${n}`,
      prompt: "a mug",
      ...(n ? {} : { n: 1 }),
    }))
    const content = new Blob([rows.map((row) => JSON.stringify(row)).join("\n")])
    const form = await estimateBatch(
      cli.world.client,
      { type: "application/x-ndjson", content },
      { defaults },
    )
    const body = await cli.world.client.send(operations.createEstimate, { body: { defaults, items: rows } })
    assert.deepEqual({ ...form, eta_seconds: 0 }, { ...body, eta_seconds: 0 })
    assert.deepEqual([form.items, form.upstream_calls], [5, 9])
    assert.ok((form.eta_seconds ?? 0) >= 1)
    const many = Array.from({ length: 300 }, (_, n) => ({ custom_id: `m${n}`, prompt: "a mug" }))
    const [fast, slow] = await Promise.all(
      [undefined, 1].map(async (max_parallel) =>
        cli.world.client.send(operations.createEstimate, { body: { items: many, max_parallel } }),
      ),
    )
    // One after the other takes longer than all at once.
    assert.ok(
      (slow?.eta_seconds ?? 0) > (fast?.eta_seconds ?? 0),
      `${slow?.eta_seconds} ${fast?.eta_seconds}`,
    )
    const batch = await cli.world.client.send(operations.createBatch, { body: { defaults, items: rows } })
    assert.equal(form.cost_usd, batch.usage.estimated_cost_usd)
    await cli.world.client.send(operations.cancelBatch, { params: { id: batch.id } })
  })
})
