import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"

import { createClient, waitForJob } from "@kiln/client"
import { operations } from "@kiln/contract"

import { freePort } from "../world/free-port.ts"
import { startProcess } from "../world/running-process.ts"
import { until } from "../world/until.ts"

test("when the stack is killed, its processes end with it, and the next start ends the job that was running", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "kiln-killed-"))
  t.after(() => rm(dataDir, { recursive: true, force: true }))
  const port = await freePort()
  const baseUrl = `http://127.0.0.1:${port}`
  const start = async () => {
    const stack = startProcess("apps/stack/src/main.ts", { KILN_DATA_DIR: dataDir, KILN_PORT: `${port}` })
    await stack.printed(/^curl .*\n/m)
    return stack
  }
  await using stack = await start()
  const key = /Authorization: Bearer ([^"]+)/.exec(stack.output())?.[1] ?? ""
  const client = createClient({ baseUrl, key, retries: 0 })
  const { id } = await client.send(operations.createGeneration, { body: { prompt: "a mug [[slow:3]]" } })
  const look = () => client.send(operations.getJob, { params: { id } })
  await until("it runs", async () => (await look()).status === "running")
  stack.kill("SIGKILL")
  await stack.exited
  await until("nobody listens", () =>
    fetch(`${baseUrl}/healthz`).then(
      () => false,
      () => true,
    ),
  )
  await using _again = await start()
  const job = await waitForJob(client, id, AbortSignal.timeout(120_000))
  assert.equal(job.status, "succeeded", JSON.stringify(job))
  const [lost, made, ...more] = job.attempts
  // The emulator ends, too: the worker may still hear of that before it does.
  assert.ok(lost?.outcome === "worker_lost" || lost?.outcome === "upstream_error", JSON.stringify(lost))
  assert.deepEqual([lost?.charged, made?.outcome, made?.charged, more], ["unknown", "succeeded", "yes", []])
  assert.equal((await fetch(job.outputs[0]?.url ?? "")).status, 200)
})
