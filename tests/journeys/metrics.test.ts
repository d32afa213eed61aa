import assert from "node:assert/strict"
import { after, before, suite, test } from "node:test"

import { operations, Readiness } from "@kiln/contract"
import { connectRedis } from "@kiln/runtime"
import { Queue } from "bullmq"
import parse from "parse-prometheus-text-format"

import { freePort } from "../world/free-port.ts"
import { startReceiver } from "../world/receiver.ts"
import { until } from "../world/until.ts"
import { register } from "../world/webhooks.ts"
import { startWorld, type World } from "../world/world.ts"

const token = "metrics-token-of-the-tests"

/** The value of a sample with these labels, as a parser that is not ours reads it. */
function sample(text: string, name: string, labels: Record<string, string> = {}): number | undefined {
  const family = parse(text).find((each) => each.name === name)
  const found = family?.metrics.find((metric) =>
    Object.entries(labels).every(([label, value]) => metric.labels?.[label] === value),
  )
  return found?.value === undefined ? undefined : Number(found.value)
}

async function read(url: string): Promise<string> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  assert.equal(response.status, 200)
  return response.text()
}

suite("metrics and readiness", () => {
  let world: World
  let workerUrl: string
  before(async () => {
    const port = await freePort()
    workerUrl = `http://127.0.0.1:${port}`
    world = await startWorld({
      env: { KILN_METRICS_TOKEN: token, KILN_STUCK_AFTER: "1", KILN_ALLOW_PRIVATE: "webhooks" },
      workerEnv: {
        KILN_WORKER_PORT: `${port}`,
        KILN_CONCURRENCY: "2",
        KILN_WEBHOOK_SCHEDULE: "0,3600",
      },
    })
  })
  after(() => world[Symbol.asyncDispose]())

  test("API and worker tell what was done", async () => {
    assert.equal((await world.make({ prompt: "a mug" })).status, "succeeded")
    assert.equal((await world.make({ prompt: "[[safety]]" })).status, "failed")
    const model = "gemini-nano-banana-2.1"
    const worker = await until("the worker has counted both", async () => {
      const text = await read(workerUrl)
      return sample(text, "kiln_attempts_total", { outcome: "content_blocked" }) === 1 ? text : undefined
    })
    assert.equal(sample(worker, "kiln_upstream_calls_total", { model, outcome: "succeeded" }), 1)
    assert.equal(sample(worker, "kiln_upstream_calls_total", { model, outcome: "content_blocked" }), 1)
    const calls = parse(worker).find(({ name }) => name === "kiln_upstream_call_seconds")
    assert.equal(calls?.metrics[0]?.buckets?.["+Inf"], "2")
    // The image, and the conversation that it may be refined in.
    assert.match(worker, /^kiln_storage_seconds_count\{step="put",outcome="succeeded"\} 2$/m)
    assert.equal(sample(worker, "kiln_own_slots"), 2)
    // The queue is looked at for many askers at once, so it may be a moment old.
    const api = await until("the API has counted both", async () => {
      const text = await read(world.url)
      const ended = (status: string) => sample(text, "kiln_jobs_ended_total", { status })
      return ended("succeeded") === 1 && ended("failed") === 1 ? text : undefined
    })
    assert.equal(sample(api, "kiln_workers_alive"), 1)
    assert.equal(sample(api, "kiln_worker_slots"), 2)
    const posts = { route: "/v1/generations", method: "POST", status: "202" }
    assert.equal(sample(api, "kiln_http_requests_total", posts), 2)
    assert.equal((await fetch(`${workerUrl}/metrics`)).status, 401)
  })

  test("webhooks are counted by what came of them, and what waits is told by endpoint", async () => {
    await using receiver = await startReceiver(({ path }) => (path === "/down" ? 500 : 200))
    const up = await register(world, `${receiver.url}/up`, { events: ["job.succeeded"] })
    const down = await register(world, `${receiver.url}/down`, { events: ["job.succeeded"] })
    await world.make({ prompt: "a mug" })
    const worker = await until("both tries are counted", async () => {
      const text = await read(workerUrl)
      const count = (outcome: string) => sample(text, "kiln_webhook_tries_total", { outcome })
      return count("delivered") === 1 && count("again") === 1 && text
    })
    assert.match(worker, /^kiln_webhook_first_try_seconds_count 2$/m)
    assert.match(worker, /^kiln_webhook_try_seconds_count 2$/m)
    await until("the backlog is told", async () => {
      const text = await read(world.url)
      return sample(text, "kiln_webhook_endpoint_backlog", { endpoint: down.id }) === 1 && text
    })
    const api = await read(world.url)
    assert.equal(sample(api, "kiln_webhook_backlog"), 1)
    assert.equal(sample(api, "kiln_webhook_endpoint_backlog", { endpoint: up.id }), undefined)
    for (const { id } of [up, down])
      await world.client.send(operations.deleteWebhookEndpoint, { params: { id } })
  })

  test("labels stay few whatever callers send", async () => {
    await Promise.all(
      Array.from({ length: 30 }, (_, n) => fetch(`${world.url}/nowhere/${n}`, { method: "PATCH" })),
    )
    await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        world.client.request(operations.getJob, {
          params: { id: `job_${String(n).padStart(32, "0")}` },
        }),
      ),
    )
    const family = parse(await read(world.url)).find(({ name }) => name === "kiln_http_requests_total")
    assert.ok(family && family.metrics.length < 15, JSON.stringify(family))
  })

  test("workers that live and take nothing are seen, and seen to be well again", async () => {
    const redis = connectRedis({ url: world.redisUrl, role: "command", name: "pauser" })
    const queue = new Queue("images", { connection: redis, prefix: "{kiln}bull" })
    await queue.pause()
    const { id } = await world.submit({ prompt: "nobody takes it" })
    const readiness = async () => {
      const response = await world.client.request(operations.getReadiness)
      return Readiness.parse(await response.json()).checks["workers"]
    }
    const stuck = await until("the API says so", async () => {
      const check = await readiness()
      return check?.ok === false && check
    })
    assert.match(stuck.detail ?? "", /1 of 1 workers take none/)
    await until("the worker says so", async () => (await fetch(`${workerUrl}/readyz`)).status === 503)
    assert.ok((sample(await read(world.url), "kiln_workers_starved_seconds") ?? 0) > 1)
    assert.equal((await world.job(id)).status, "queued")
    await queue.resume()
    assert.equal((await world.ended(id)).status, "succeeded")
    await until("it is ready again", async () => (await readiness())?.ok)
    await queue.close()
    redis.disconnect()
  })
})
