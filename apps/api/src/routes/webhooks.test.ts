import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import {
  WebhookDelivery,
  WebhookEndpoint,
  WebhookEndpointWithSecret,
  WebhookEvent,
  WebhookSecret,
  type Job,
} from "@kiln/contract"
import { createEgress } from "@kiln/egress"

import { startTrialApi, type Sent, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
let key: string
const inside = new Set(["inside.example", "localhost.example"])
before(async () => {
  api = await startTrialApi({
    webhookEgress: createEgress({
      allowPrivate: false,
      maxBytes: 0,
      protocols: ["https:"],
      resolve: async (host) => [{ address: inside.has(host) ? "10.0.0.1" : "93.184.215.14", family: 4 }],
    }),
  })
  key = await api.makeKey("acme", ["webhooks"])
})
after(() => api[Symbol.asyncDispose]())

const path = "/v1/webhook-endpoints"
const url = "https://hooks.example/kiln"
const send = (to: string, sent: Sent = {}) => api.send(to, { key, ...sent })

async function endpoint(body: Record<string, unknown> = {}): Promise<WebhookEndpointWithSecret> {
  const made = await send(path, { body: { url, ...body } })
  assert.equal(made.status, 201, made.text)
  return WebhookEndpointWithSecret.parse(made.body)
}

async function canceledJob(body: Record<string, unknown> = {}): Promise<Job> {
  const made = await api.send("/v1/generations", { body: { prompt: "a fox", ...body } })
  assert.equal(made.status, 202, made.text)
  const { id } = made.body as Job
  return (await api.send(`/v1/jobs/${id}/cancel`, { method: "POST" })).body as Job
}

const takeAll = async () =>
  (await api.ledger.deliveries.take({ most: 1_000, slots: 1_000, leaseMs: 60_000 })).taken

test("an endpoint is made with a secret that is shown once", async () => {
  const headers = { Authorization: "Bearer mine" }
  const made = await endpoint({ events: ["job.failed"], description: "mine", headers })
  assert.match(made.secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  const { secret: _secret, ...shown } = made
  const read = await send(`${path}/${made.id}`)
  assert.deepEqual(WebhookEndpoint.parse(read.body), shown)
  assert.deepEqual([shown.events, shown.enabled, shown.disabled_reason], [["job.failed"], true, null])
  const listed = (await send(path)).body as { data: unknown[] }
  assert.deepEqual(listed.data[0], shown)
})

test("neither a secret nor a header is readable in Redis", async () => {
  const made = await endpoint({ headers: { "X-Token": "very-private-words" } })
  await canceledJob({ webhook: { url: "https://own.example/very-private-path" } })
  for (const name of await api.redis.keys("*")) {
    if ((await api.redis.type(name)) !== "hash") continue
    const text = JSON.stringify(await api.redis.hgetall(name))
    for (const hidden of [made.secret, made.secret.slice(6), "very-private"]) {
      assert.ok(!text.includes(hidden), `${name} has ${hidden}`)
    }
  }
})

test("an endpoint is changed, field by field", async () => {
  const made = await endpoint({ headers: { A: "1" } })
  const change = { url: "https://other.example/", events: ["*"], description: "", headers: { B: "2" } }
  const changed = await send(`${path}/${made.id}`, { method: "PATCH", body: { ...change, enabled: false } })
  const { secret: _secret, ...shown } = made
  assert.deepEqual(changed.body, { ...shown, ...change, enabled: false })
  const nothing = await send(`${path}/${made.id}`, { method: "PATCH", body: {} })
  assert.deepEqual(nothing.body, changed.body)
})

test("an endpoint that is deleted is gone", async () => {
  const { id } = await endpoint()
  assert.equal((await send(`${path}/${id}`, { method: "DELETE" })).status, 204)
  assert.equal((await send(`${path}/${id}`, { method: "DELETE" })).status, 404)
  assert.equal((await send(`${path}/${id}`)).status, 404)
})

test("what webhooks may not be sent to is refused where it is named", async () => {
  const wrong = [
    ["http://hooks.example/", "protocol_not_allowed"],
    ["https://inside.example/", "address_not_allowed"],
    ["https://127.0.0.1/", "address_not_allowed"],
    ["https://169.254.169.254/", "address_not_allowed"],
    ["https://[::ffff:10.0.0.1]/", "address_not_allowed"],
    ["https://2130706433/", "address_not_allowed"],
    ["https://hooks.example:25/", "port_not_allowed"],
    ["https://me:word@hooks.example/", "credentials_in_url"],
    ["hooks.example", "url_not_valid"],
  ] as const
  const { id } = await endpoint()
  for (const [bad, code] of wrong) {
    const asked = [
      await send(path, { body: { url: bad } }),
      await send(`${path}/${id}`, { method: "PATCH", body: { url: bad } }),
      await api.send("/v1/generations", { body: { prompt: "a fox", webhook: { url: bad } } }),
    ]
    for (const [index, { status, body }] of asked.entries()) {
      assert.equal(status, 400, bad)
      const [error] = body.errors
      assert.deepEqual([error.pointer, error.code], [index === 2 ? "/webhook/url" : "/url", code], bad)
    }
  }
})

test("headers that are Kiln's own or could split a request are refused", async () => {
  const names = [
    "Host",
    "content-type",
    "Content-Length",
    "webhook-id",
    "Connection",
    "Transfer-Encoding",
    "a b",
  ]
  for (const name of [...names, "proxy-authorization", "User-Agent", ""]) {
    const { status } = await send(path, { body: { url, headers: { [name]: "x" } } })
    assert.equal(status, 400, name)
  }
  for (const value of ["a\r\nb: c", "a\nb", "ä", "\u0000", "x".repeat(1025)]) {
    const { status, body } = await send(path, { body: { url, headers: { "X-A": value } } })
    assert.deepEqual([status, body.errors[0].pointer], [400, "/headers/X-A"])
  }
  const twice = { url, headers: { "X-A": "1", "x-a": "2" } }
  assert.equal((await send(path, { body: twice })).status, 400)
  assert.equal((await send(path, { body: { url, events: ["job.queued"] } })).status, 400)
  assert.equal((await send(path, { body: { url, events: [] } })).status, 400)
})

test("webhooks need their scope, and another tenant's do not exist", async () => {
  assert.equal((await api.send(path)).status, 403)
  assert.equal((await api.send("/v1/events")).status, 403)
  const { id } = await endpoint()
  await canceledJob()
  const [delivery] = (await send("/v1/webhook-deliveries?limit=1")).body.data as WebhookDelivery[]
  assert.ok(delivery)
  const other = await api.makeKey("globex", ["webhooks"])
  const post = { key: other, method: "POST" }
  const asked = [
    [`${path}/${id}`, { key: other }],
    [`${path}/${id}`, { key: other, method: "PATCH", body: {} }],
    [`${path}/${id}`, { key: other, method: "DELETE" }],
    [`${path}/${id}/rotate-secret`, post],
    [`${path}/${id}/test`, post],
    [`${path}/${id}/replay`, { key: other, body: { since: "2026-01-01T00:00:00Z" } }],
    [`/v1/webhook-deliveries/${delivery.id}`, { key: other }],
    [`/v1/webhook-deliveries/${delivery.id}/redeliver`, post],
  ] as const
  for (const [to, sent] of asked) {
    const { status, body } = await api.send(to, sent)
    assert.deepEqual([status, body.code], [404, "not_found"], to)
  }
  for (const to of [path, `/v1/webhook-deliveries?endpoint=${id}`, "/v1/webhook-deliveries", "/v1/events"]) {
    assert.deepEqual((await api.send(to, { key: other })).body.data, [], to)
  }
})

test("a secret is replaced, and both sign for a day", async () => {
  const made = await endpoint({ events: ["job.canceled"] })
  const rotated = await send(`${path}/${made.id}/rotate-secret`, { method: "POST" })
  assert.equal(rotated.status, 200)
  const { secret } = WebhookEndpointWithSecret.parse(rotated.body)
  assert.notEqual(secret, made.secret)
  const sent = await send(`${path}/${made.id}/test`, { method: "POST" })
  const { id } = WebhookDelivery.parse(sent.body)
  const taken = (await takeAll()).find((each) => each.id === id)
  assert.deepEqual(taken?.secrets, [secret, made.secret])
})

test("a request with an Idempotency-Key makes one endpoint and shows its secret to the same key alone", async () => {
  const headers = { "idempotency-key": "one endpoint" }
  const first = await send(path, { body: { url }, headers })
  const second = await send(path, { body: { url }, headers })
  assert.deepEqual([second.status, second.body], [201, first.body])
  assert.equal(second.headers.get("idempotent-replayed"), "true")
  const colleague = await api.makeKey("acme", ["webhooks"])
  const third = await api.send(path, { key: colleague, body: { url }, headers })
  assert.equal(third.status, 422)
})

test("a test is sent whatever the endpoint listens to", async () => {
  const { id } = await endpoint({ events: ["batch.completed"] })
  const sent = await send(`${path}/${id}/test`, { method: "POST" })
  assert.equal(sent.status, 202)
  const delivery = WebhookDelivery.parse(sent.body)
  assert.deepEqual((await send(sent.headers.get("location") ?? "")).body, delivery)
  assert.deepEqual([delivery.event_type, delivery.status, delivery.endpoint], ["webhook.test", "pending", id])
  await send(`${path}/${id}`, { method: "PATCH", body: { enabled: false } })
  const refused = await send(`${path}/${id}/test`, { method: "POST" })
  assert.deepEqual([refused.status, refused.body.errors[0].code], [400, "endpoint_disabled"])
})

test("deliveries tell every try and can be sent again", async () => {
  await takeAll()
  const { id } = await endpoint()
  const job = await canceledJob()
  const taken = (await takeAll()).find((each) => each.endpoint === id && each.event.subject === job.id)
  assert.ok(taken)
  const tried = { at: new Date(), statusCode: 503, ms: 12, error: "status", response: "try later" }
  await api.ledger.deliveries.record(taken, tried, { kind: "exhausted", restMs: 0 })
  const query = `endpoint=${id}&event=${taken.event.id}&status=exhausted`
  const listed = await send(`/v1/webhook-deliveries?${query}`)
  const [delivery] = listed.body.data as WebhookDelivery[]
  assert.deepEqual(WebhookDelivery.parse(delivery).attempts, [
    { at: tried.at.toISOString(), status_code: 503, ms: 12, error: "status", response: "try later" },
  ])
  const again = await send(`/v1/webhook-deliveries/${taken.id}/redeliver`, { method: "POST" })
  assert.deepEqual([again.status, again.body.status], [202, "pending"])
  const same = (await takeAll()).find((each) => each.endpoint === id)
  assert.deepEqual([same?.id, same?.event.id], [taken.id, taken.event.id])
})

test("a replay counts first and then sends what happened in its time", async () => {
  const since = new Date().toISOString()
  await canceledJob()
  await canceledJob()
  const { id } = await endpoint()
  const replay = (body: Record<string, unknown>) => send(`${path}/${id}/replay`, { body })
  assert.deepEqual((await replay({ since, dry_run: true })).body, { count: 2 })
  assert.deepEqual(
    (await takeAll()).filter((each) => each.endpoint === id),
    [],
  )
  assert.deepEqual((await replay({ since, types: ["job.failed"] })).body, { count: 0 })
  assert.deepEqual((await replay({ since })).body, { count: 2 })
  assert.equal((await takeAll()).filter((each) => each.endpoint === id).length, 2)
  const refused = await replay({ since, until: "2020-01-01T00:00:00Z" })
  assert.deepEqual([refused.status, refused.body.errors[0].pointer], [400, "/since"])
  assert.equal((await replay({ since: new Date(Date.now() + 60_000).toISOString() })).status, 400)
})

test("events are pulled in order, page by page, with the job as it is", async () => {
  const other = await startTrialApi()
  await using stack = new AsyncDisposableStack()
  stack.use(other)
  const puller = await other.makeKey("acme", ["webhooks"])
  const jobs: string[] = []
  for (let n = 0; n < 5; n += 1) {
    const { body } = await other.send("/v1/generations", { body: { prompt: `fox ${n}` } })
    jobs.push((body as Job).id)
    await other.send(`/v1/jobs/${(body as Job).id}/cancel`, { method: "POST" })
  }
  await other.send(`/v1/jobs/${jobs[4]}`, { method: "DELETE" })
  const seen: WebhookEvent[] = []
  let next: string | undefined = "/v1/events?limit=2"
  while (next !== undefined) {
    const { body, headers } = await other.send(next, { key: puller })
    seen.push(...(body.data as unknown[]).map((each) => WebhookEvent.parse(each)))
    next = /<([^>]+)>; rel="next"/.exec(headers.get("link") ?? "")?.[1]
  }
  assert.deepEqual(
    seen.map(({ type, data }) => [type, data["id"]]),
    jobs.map((id) => ["job.canceled", id]),
  )
  const full = await other.send(`/v1/jobs/${jobs[0]}`)
  assert.deepEqual(seen[0]?.data, full.body)
  assert.deepEqual(seen[4]?.data, { id: jobs[4], object: "job", deleted: true })
  const last = seen.at(-1)?.id
  assert.deepEqual((await other.send(`/v1/events?after=${last}`, { key: puller })).body.data, [])
  const none = await other.send("/v1/events?type=job.failed", { key: puller })
  assert.deepEqual(none.body.data, [])
})

test("a job's own webhook is signed with the tenant's secret, which can be replaced and is shown then", async () => {
  await takeAll()
  const job = await canceledJob({
    webhook: { url: "https://own.example/resume/1", events: ["job.canceled"] },
  })
  assert.ok(!("webhook" in job) && !("webhook" in job.parameters))
  const own = (await takeAll()).find((each) => each.url === "https://own.example/resume/1")
  assert.equal(own?.event.subject, job.id)
  const made = await send("/v1/webhook-secret", { method: "POST" })
  assert.equal(made.status, 200)
  const { secret } = WebhookSecret.parse(made.body)
  await canceledJob({ webhook: { url: "https://own.example/resume/2" } })
  const later = (await takeAll()).find((each) => each.url === "https://own.example/resume/2")
  assert.deepEqual(later?.secrets, [secret, ...(own?.secrets ?? [])])
})

test("a batch's own webhook is told of its end with the batch as it is, and the same can be pulled", async () => {
  await takeAll()
  const items = [{ custom_id: "a", prompt: "a fox" }]
  const refused = await api.send("/v1/batches", { body: { items, webhook: { url: "https://10.0.0.1/" } } })
  assert.deepEqual([refused.status, refused.body.errors[0].pointer], [400, "/webhook/url"])
  const inItem = [{ ...items[0], webhook: { url } }]
  assert.equal((await api.send("/v1/batches", { body: { items: inItem } })).status, 422)
  const own = "https://own.example/batch"
  const made = await api.send("/v1/batches", { body: { items, webhook: { url: own } } })
  assert.equal(made.status, 202, made.text)
  const { id } = made.body as { id: string }
  await api.send(`/v1/batches/${id}/cancel`, { method: "POST" })
  const batch = (await api.send(`/v1/batches/${id}`)).body as unknown
  const taken = (await takeAll()).filter((each) => each.url === own)
  assert.deepEqual(
    taken.map(({ event }) => [event.type, event.subject]),
    [["batch.canceled", id]],
  )
  const pulled = (await send("/v1/events?limit=100&type=batch.canceled")).body.data as WebhookEvent[]
  assert.deepEqual(
    pulled.map((event) => [event.id, event.data]),
    [[taken[0]?.event.id, batch]],
  )
})

test("a repeated request is answered as before, though its webhook's host is gone by then", async () => {
  const headers = { "idempotency-key": "webhook of a host that goes" }
  const body = { prompt: "a fox", webhook: { url: "https://localhost.example/" } }
  inside.delete("localhost.example")
  const first = await api.send("/v1/generations", { body, headers })
  inside.add("localhost.example")
  const second = await api.send("/v1/generations", { body, headers })
  assert.deepEqual([second.status, second.body.id], [202, first.body.id])
})
