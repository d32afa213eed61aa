import assert from "node:assert/strict"
import { rename, rm, writeFile } from "node:fs/promises"
import type { ServerResponse } from "node:http"
import { join } from "node:path"
import { suite, test } from "node:test"

import { startHttpGate } from "../world/http-gate.ts"
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

const s3Troubles: [how: string, refuse: (response: ServerResponse) => void][] = [
  ["asks to slow down", failing(503, "SlowDown")],
  ["fails", failing(500, "InternalError")],
  ["resets its connections", (response) => void response.destroy()],
]

suite("when S3 is in trouble", { concurrency: 3, timeout: 180_000 }, () => {
  for (const [how, refuse] of s3Troubles) {
    test(`because it ${how}, a paid picture waits on the disk and no other is bought`, async () => {
      await using s3 = await startS3Server()
      await using gate = await startHttpGate(s3.endpoint)
      await using world = await startWorld({
        env: {
          KILN_STORAGE: `s3://${s3.bucket}`,
          S3_FORCE_PATH_STYLE: "true",
          AWS_ACCESS_KEY_ID: "test",
          AWS_SECRET_ACCESS_KEY: "test",
          S3_ENDPOINT: s3.endpoint,
        },
        workerEnv: { S3_ENDPOINT: gate.url },
      })
      await world.make({ prompt: "warm up" })
      const [worker] = world.workers
      assert.ok(worker)
      gate.overload(({ method }) => method !== "GET", refuse)
      const paid = await world.submit({ prompt: "paid" })
      await worker.printed(/image not stored yet/)
      const waiting = await world.submit({ prompt: "not bought yet" })
      await worker.printed(/nothing is called/)
      assert.equal(calls(world), 2)
      gate.overload(undefined)
      for (const { id } of [paid, waiting]) {
        const job = await world.ended(id, 90_000)
        assert.equal(job.status, "succeeded", JSON.stringify(job))
        assert.equal(job.attempts.length, 1)
        assert.equal(job.usage.upstream_calls, 1)
      }
      assert.equal(calls(world), 3)
    })
  }
})

suite("when storage cannot be written", { concurrency: 2, timeout: 60_000 }, () => {
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
