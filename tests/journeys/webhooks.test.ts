import assert from "node:assert/strict"
import { after, before, suite, test } from "node:test"

import { KilnError, verifyWebhook } from "@kiln/client"
import { operations } from "@kiln/contract"
import OpenAI from "openai"
import { Webhook } from "standardwebhooks"
import { Webhook as SvixWebhook } from "svix"

import { startReceiver, type Received } from "../world/receiver.ts"
import { until } from "../world/until.ts"
import { deliveriesOf, register, settled } from "../world/webhooks.ts"
import { startWorld, type World } from "../world/world.ts"

/** The headers as the public verifiers take them. */
const headersOf = ({ headers }: Received) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))

/** Throws unless every public verifier, and ours, accepts the delivery. */
async function verifiedByAll(received: Received, secret: string): Promise<void> {
  const headers = headersOf(received)
  new Webhook(secret).verify(received.body, headers)
  new SvixWebhook(secret).verify(received.body, headers)
  const openai = new OpenAI({ apiKey: "not-used", webhookSecret: secret })
  await openai.webhooks.unwrap(received.body, headers)
  await verifyWebhook(received, secret)
}

suite("webhooks", () => {
  let world: World
  before(async () => {
    world = await startWorld({
      env: { KILN_ALLOW_PRIVATE: "webhooks" },
      workerEnv: { KILN_WEBHOOK_SCHEDULE: "0,0.05,0.1,0.2" },
    })
  })
  after(() => world[Symbol.asyncDispose]())

  test("a finished job is told, and public verifiers accept the signature", async () => {
    await using receiver = await startReceiver()
    const { id, secret } = await register(world, `${receiver.url}/kiln`, { events: ["job.succeeded"] })
    const job = await world.make({ prompt: "A red mug", n: 2, metadata: { sku: "ä 1" } })
    const received = await receiver.got("the end", ({ subject }) => subject === job.id)
    await verifiedByAll(received, secret)
    await assert.rejects(verifyWebhook(received, `whsec_${"A".repeat(43)}=`), { code: "signature_not_valid" })
    assert.deepEqual(
      [received.path, received.type, received.headers["content-type"]],
      ["/kiln", "job.succeeded", "application/json"],
    )
    assert.match(String(received.headers["user-agent"]), /^Kiln-Webhooks\/\d+\.\d+\.\d+$/)
    assert.match(received.id, /^evt_[0-9a-f]{32}$/)
    const { type, timestamp, data } = JSON.parse(received.body) as Record<string, unknown>
    assert.deepEqual([type, typeof timestamp], ["job.succeeded", "string"])
    const { outputs } = data as typeof job
    assert.deepEqual({ ...job, outputs: [] }, { ...(data as typeof job), outputs: [] })
    assert.equal((await fetch(outputs[1]?.url ?? "")).headers.get("content-type"), "image/png")
    const [delivery] = await deliveriesOf(world, id)
    assert.equal(delivery?.event, received.id)
    await until("it is written down", async () => (await deliveriesOf(world, id))[0]?.status === "delivered")
  })

  test("an endpoint gets the events that it asked for, and its headers", async () => {
    await using receiver = await startReceiver()
    const headers = { Authorization: "Bearer abc", "X-Kiln-Token": "1" }
    await register(world, receiver.url, { events: ["job.started", "job.canceled"], headers })
    const job = await world.make({ prompt: "A red mug" })
    const other = await world.submit({ prompt: "later", not_before: "2099-01-01T00:00:00Z" })
    await world.client.send(operations.cancelJob, { params: { id: other.id } })
    const canceled = await receiver.got("the cancellation", ({ type }) => type === "job.canceled")
    assert.equal(canceled.subject, other.id)
    assert.deepEqual(
      [canceled.headers["authorization"], canceled.headers["x-kiln-token"]],
      ["Bearer abc", "1"],
    )
    assert.deepEqual(
      receiver.received.filter(({ subject }) => subject === job.id).map(({ type }) => type),
      ["job.started"],
    )
  })

  test("a job's own webhook is told how it ended, once, signed by the tenant's secret", async () => {
    await using receiver = await startReceiver()
    const { secret } = await world.client.send(operations.createWebhookSecret)
    const webhook = { url: `${receiver.url}/resume/1`, headers: { "X-Token": "abc" } }
    const job = await world.make({ prompt: "A red mug", webhook })
    const received = await receiver.got("the end", ({ subject }) => subject === job.id)
    await verifiedByAll(received, secret)
    assert.deepEqual([received.type, received.headers["x-token"]], ["job.succeeded", "abc"])
    assert.equal(JSON.stringify(job).includes("abc"), false)
    assert.equal(receiver.received.length, 1)
  })

  test("what fails is tried again under the same id and signed anew, and every try is in the log", async () => {
    const statuses = [500, 302, 404]
    await using receiver = await startReceiver(() => statuses.shift())
    const { id, secret } = await register(world, receiver.url, { events: ["job.succeeded"] })
    const job = await world.make({ prompt: "A red mug" })
    const [{ id: delivery } = { id: "" }] = await until("there is a delivery", async () => {
      const all = await deliveriesOf(world, id)
      return all.length > 0 && all
    })
    const { status, attempts } = await settled(world, delivery, id)
    assert.deepEqual(
      [status, ...attempts.map((one) => one.status_code), attempts.at(-1)?.response],
      ["delivered", 500, 302, 404, 200, "noted"],
    )
    assert.equal(new Set(receiver.received.map((received) => received.id)).size, 1)
    assert.equal(receiver.received.length, 4)
    for (const received of receiver.received) await verifiedByAll(received, secret)
    assert.ok(receiver.received.every(({ subject }) => subject === job.id))
  })

  test("while a secret is replaced either one fits, and afterwards it is the new one's turn", async () => {
    await using receiver = await startReceiver()
    const { id, secret } = await register(world, receiver.url, { events: ["job.succeeded"] })
    const rotated = await world.client.send(operations.rotateWebhookSecret, { params: { id } })
    assert.notEqual(rotated.secret, secret)
    const job = await world.make({ prompt: "A red mug" })
    const received = await receiver.got("the end", ({ subject }) => subject === job.id)
    assert.equal(String(received.headers["webhook-signature"]).split(" ").length, 2)
    await verifiedByAll(received, secret)
    await verifiedByAll(received, rotated.secret)
  })

  test("the events of a job come in their order, whatever fails", async () => {
    // Two failures each: four in a row would exhaust a delivery.
    const failures = new Map<string, number>()
    await using receiver = await startReceiver(({ type, subject }) => {
      const failed = failures.get(subject) ?? 0
      if (type !== "job.started" || failed === 2) return 200
      failures.set(subject, failed + 1)
      return 503
    })
    const { id } = await register(world, receiver.url, { events: ["*"] })
    const jobs = await Promise.all(Array.from({ length: 6 }, () => world.make({ prompt: "A red mug" })))
    for (const job of jobs) {
      await receiver.got(
        `the end of ${job.id}`,
        (one) => one.subject === job.id && one.type === "job.succeeded",
      )
    }
    assert.ok(receiver.received.length >= 6 * 2 + 12)
    for (const job of jobs) {
      const types = receiver.received.filter(({ subject }) => subject === job.id).map(({ type }) => type)
      assert.equal(types.indexOf("job.succeeded"), types.lastIndexOf("job.started") + 1, types.join())
    }
    await world.client.send(operations.deleteWebhookEndpoint, { params: { id } })
  })

  test("what is exhausted can be sent again, and a replay sends the original ids", async () => {
    await using receiver = await startReceiver(() => 500)
    const { id } = await register(world, receiver.url, { events: ["job.succeeded"] })
    const since = new Date().toISOString()
    const jobs = [await world.make({ prompt: "first" }), await world.make({ prompt: "second" })]
    const exhausted = await until("both are exhausted", async () => {
      const all = await deliveriesOf(world, id)
      return all.length === 2 && all.every(({ status }) => status === "exhausted") && all
    })
    assert.deepEqual(
      exhausted.map(({ attempts }) => attempts.length),
      [4, 4],
    )
    receiver.react(() => 200)
    const [first] = exhausted
    assert.ok(first)
    await world.client.send(operations.redeliverWebhook, { params: { id: first.id } })
    await settled(world, first.id, id)
    const replay = (body: object) =>
      world.client.send(operations.replayWebhookEvents, { params: { id }, body: { since, ...body } })
    const seen = receiver.received.length
    assert.deepEqual(await replay({ status: "exhausted", dry_run: true }), { count: 1 })
    assert.deepEqual(await replay({ dry_run: true }), { count: 2 })
    assert.equal(receiver.received.length, seen)
    assert.deepEqual(await replay({}), { count: 2 })
    await until("both came again", () => receiver.received.length === seen + 2)
    assert.deepEqual(
      new Set(receiver.received.slice(seen).map((received) => received.id)),
      new Set(exhausted.map(({ event }) => event)),
    )
    assert.deepEqual(
      new Set(receiver.received.slice(seen).map(({ subject }) => subject)),
      new Set(jobs.map((job) => job.id)),
    )
  })

  test("the same events can be pulled", async () => {
    await using receiver = await startReceiver()
    await register(world, receiver.url, { events: ["job.succeeded"] })
    const job = await world.make({ prompt: "A red mug" })
    const received = await receiver.got("the end", ({ subject }) => subject === job.id)
    const list = await world.client.send(operations.listEvents, {
      query: { type: "job.succeeded", limit: 100 },
    })
    const pulled = list.data.find(({ id }) => id === received.id)
    assert.deepEqual(
      [pulled?.type, pulled?.timestamp, (pulled?.data as { id: string } | undefined)?.id],
      ["job.succeeded", (JSON.parse(received.body) as { timestamp: string }).timestamp, job.id],
    )
    const { data } = await world.client.send(operations.listEvents, { query: { after: received.id } })
    assert.ok(data.every(({ id }) => id > received.id))
  })

  test("a body stays under 20 KB whatever the job", async () => {
    await using receiver = await startReceiver()
    await register(world, receiver.url, { events: ["job.canceled"] })
    const prompt = `A mug with ${"漢字 and 🦊 ".repeat(2_000)}`
    const { id } = await world.submit({ prompt, not_before: "2099-01-01T00:00:00Z" })
    await world.client.send(operations.cancelJob, { params: { id } })
    const { body } = await receiver.got("the end", ({ subject }) => subject === id)
    assert.ok(Buffer.byteLength(body) < 20_000)
    assert.equal((JSON.parse(body) as { data: { truncated?: boolean } }).data.truncated, true)
  })

  test("secrets and headers of endpoints are in no log", async () => {
    await using receiver = await startReceiver()
    const { secret } = await register(world, receiver.url, { headers: { "X-Token": "hunter2hunter2" } })
    const job = await world.make({ prompt: "A red mug" })
    await receiver.got("the end", ({ subject, type }) => subject === job.id && type === "job.succeeded")
    for (const process of [world.api, ...world.workers]) {
      assert.equal(process?.output().includes(secret.slice(6)), false)
      assert.equal(process?.output().includes("hunter2"), false)
    }
  })
})

test("private and plain-http receivers are refused at registration, however they are spelt", async () => {
  await using world = await startWorld({ workers: 0 })
  const spellings = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://%31%32%37.0.0.1/",
    "https://１２７.０.０.１/",
    "https://0/",
    "https://10.1.2.3/",
    "https://192.168.0.1/",
    "https://172.16.0.1/",
    "https://169.254.169.254/latest/",
    "https://100.64.0.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[fd00::1]/",
    "https://[fe80::1]/",
    "https://localhost/",
    "http://example.com/",
    "https://user:word@example.com/",
    "https://example.com:22/",
    "https://",
  ]
  for (const url of spellings) {
    await assert.rejects(register(world, url), (error) => {
      assert.ok(error instanceof KilnError, String(error))
      assert.equal(error.status, 400, url)
      assert.equal(error.problem.errors?.[0]?.pointer, "/url", url)
      return true
    })
  }
  const job = { prompt: "A red mug", webhook: { url: "https://127.1/" } }
  await assert.rejects(world.submit(job), (error) => {
    assert.ok(error instanceof KilnError)
    assert.equal(error.problem.errors?.[0]?.pointer, "/webhook/url")
    return true
  })
})
