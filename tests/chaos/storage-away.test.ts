import assert from "node:assert/strict"
import { rename, rm, writeFile } from "node:fs/promises"
import type { IncomingMessage, ServerResponse } from "node:http"
import { join } from "node:path"
import { suite, test } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"

import { operations } from "@kiln/contract"

import { freePort } from "../world/free-port.ts"
import { startHttpGate } from "../world/http-gate.ts"
import { photoOf } from "../world/photo-server.ts"
import { startS3Server } from "../world/s3-server.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"

/** Puts a file where the folder of the objects is; the answer puts the folder back. */
async function breakStorage({ dataDir }: World): Promise<() => Promise<void>> {
  const folder = join(dataDir, "objects")
  await rename(folder, `${folder}-away`)
  await writeFile(folder, "")
  return async () => {
    await rm(folder)
    await rename(`${folder}-away`, folder)
  }
}

const calls = ({ emulator }: World) =>
  emulator.calls.filter(({ path }) => path.includes(":generateContent")).length

const failing = (status: number, code: string) => (response: ServerResponse) =>
  void response
    .writeHead(status, { "content-type": "application/xml" })
    .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>Later</Message></Error>`)

const isPut = ({ method }: IncomingMessage) => method === "PUT"

const s3Troubles: [how: string, refuse: (response: ServerResponse) => void][] = [
  ["asks to slow down", failing(503, "SlowDown")],
  ["fails", failing(500, "InternalError")],
  ["resets its connections", (response) => void response.destroy()],
]

/** A world whose worker reaches S3 through a gate, warmed up. */
async function startBehindGate(workerEnv: Record<string, string> = {}) {
  await using opened = new AsyncDisposableStack()
  const s3 = opened.use(await startS3Server())
  const gate = opened.use(await startHttpGate(s3.endpoint))
  const world = opened.use(
    await startWorld({
      env: s3.env,
      workerEnv: { S3_ENDPOINT: gate.url, ...workerEnv },
    }),
  )
  await world.make({ prompt: "warm up" })
  const [worker] = world.workers
  assert.ok(worker)
  const rest = opened.move()
  return { gate, world, worker, [Symbol.asyncDispose]: () => rest.disposeAsync() }
}

/** The job has its image of the one call that was made for it. */
async function assertBoughtOnce(world: World, id: string): Promise<void> {
  const job = await world.ended(id, 90_000)
  assert.equal(job.status, "succeeded", JSON.stringify(job))
  assert.equal(job.attempts.length, 1)
  assert.equal(job.usage.upstream_calls, 1)
}

suite("when S3 is in trouble", { concurrency: 3, timeout: 180_000 }, () => {
  for (const [how, refuse] of s3Troubles) {
    test(`because it ${how}, a paid picture waits on the disk and no other is bought`, async () => {
      await using opened = await startBehindGate()
      const { gate, world, worker } = opened
      gate.overload(({ method }) => method !== "GET", refuse)
      const paid = await world.submit({ prompt: "paid" })
      await worker.printed(/image not stored yet/)
      const waiting = await world.submit({ prompt: "not bought yet" })
      await worker.printed(/nothing is called/)
      assert.equal(calls(world), 2)
      gate.overload(undefined)
      for (const { id } of [paid, waiting]) await assertBoughtOnce(world, id)
      assert.equal(calls(world), 3)
    })
  }

  test("because nothing can be read, an edit waits for its photo and that costs it no attempt", async () => {
    await using opened = await startBehindGate()
    const { gate, world, worker } = opened
    gate.overload(({ method }) => method === "GET", failing(500, "InternalError"))
    const data = (await photoOf("#224488", 64, 64)).toString("base64")
    const edit = { prompt: "at night", images: [{ data }] }
    const { id } = await world.client.send(operations.createEdit, { body: edit })
    await worker.printed(/storage not readable yet/)
    assert.equal(calls(world), 1)
    gate.overload(undefined)
    await assertBoughtOnce(world, id)
    assert.equal(calls(world), 2)
  })

  test("because it takes 20 seconds for every object, many pictures wait for it and none is bought twice", async () => {
    await using opened = await startBehindGate({ KILN_CONCURRENCY: "24" })
    const { gate, world } = opened
    gate.delay(isPut, () => sleep(20_000))
    const jobs = await Promise.all(
      Array.from({ length: 24 }, (_, n) => world.submit({ prompt: `slowly kept ${n}` })),
    )
    for (const { id } of jobs) await assertBoughtOnce(world, id)
    assert.equal(calls(world), 1 + jobs.length)
  })

  test("and paid pictures fill their share of the disk, nothing more is called until they are stored", async () => {
    const port = await freePort()
    const own = `http://127.0.0.1:${port}`
    await using opened = await startBehindGate({ KILN_SPOOL_BYTES: "1", KILN_WORKER_PORT: `${port}` })
    const { gate, world, worker } = opened
    const { promise: moment, resolve: goOn } = Promise.withResolvers<void>()
    gate.delay(isPut, () => moment)
    const paid = await world.submit({ prompt: "paid" })
    await until("it is called", () => calls(world) === 2)
    await until("it is in the spool", async () =>
      /^kiln_own_spool_bytes [1-9]/m.test(await (await fetch(`${own}/metrics`)).text()),
    )
    const waiting = await world.submit({ prompt: "not bought yet" })
    await worker.printed(/no room for images, nothing is called/)
    const readiness = await fetch(`${own}/readyz`)
    assert.equal(readiness.status, 503)
    assert.match(await readiness.text(), /spool is full/)
    assert.equal(calls(world), 2)
    goOn()
    for (const { id } of [paid, waiting]) await assertBoughtOnce(world, id)
    assert.equal(calls(world), 3)
    await until("it is ready", async () => (await fetch(`${own}/readyz`)).ok)
  })
})

suite("when storage cannot be written", { concurrency: 2, timeout: 180_000 }, () => {
  test("a paid picture is stored when it can be again, and no other is bought meanwhile", async () => {
    await using world = await startWorld()
    await world.make({ prompt: "warm up" })
    const [worker] = world.workers
    assert.ok(worker)
    const paid = await world.submit({ prompt: "paid [[slow:1]]" })
    await until("it is called", () => calls(world) === 2)
    const repair = await breakStorage(world)
    await worker.printed(/image not stored yet/)
    const waiting = await world.submit({ prompt: "not bought yet" })
    await worker.printed(/nothing is called/)
    assert.equal(calls(world), 2)
    await repair()
    for (const { id } of [paid, waiting]) {
      const job = await world.ended(id)
      assert.equal(job.status, "succeeded", JSON.stringify(job))
      assert.equal(job.attempts.length, 1)
      assert.equal(job.usage.upstream_calls, 1)
      assert.equal((await fetch(job.outputs[0]?.url ?? "")).status, 200)
    }
    assert.equal(calls(world), 3)
  })

  test("a worker that is told to stop hands the job back, ends with 0, and the next one stores what was paid", async () => {
    await using world = await startWorld({ workerEnv: { KILN_GRACE: "3" } })
    await world.make({ prompt: "warm up" })
    const [worker] = world.workers
    assert.ok(worker)
    const { id } = await world.submit({ prompt: "paid [[slow:1]]" })
    await until("it is called", () => calls(world) === 2)
    const repair = await breakStorage(world)
    await worker.printed(/image not stored yet/)
    worker.kill("SIGTERM")
    assert.equal(await worker.exited, 0)
    const job = await world.job(id)
    assert.equal(job.status, "queued")
    assert.deepEqual(
      job.attempts.map(({ outcome, charged }) => [outcome, charged]),
      [["storage_error", "yes"]],
    )
    assert.equal(job.usage.upstream_calls, 1)
    await repair()
    await world.startWorker()
    const ended = await world.ended(id)
    assert.equal(ended.status, "succeeded", JSON.stringify(ended))
    assert.equal(ended.usage.upstream_calls, 1)
    assert.equal(calls(world), 2)
  })
})
