import assert from "node:assert/strict"
import { after, before, test } from "node:test"

import { Job } from "@kiln/contract"

import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

let api: TrialApi
before(async () => {
  api = await startTrialApi()
})
after(() => api[Symbol.asyncDispose]())

async function create(body: object = {}, key?: string): Promise<Job> {
  const sent = { body: { prompt: "a blue mug", ...body }, ...(key ? { key } : {}) }
  return (await api.send("/v1/generations", sent)).body as Job
}
const pathOf = ({ id }: { id: string }) => `/v1/jobs/${id}`
const post = (path: string, headers: Record<string, string> = {}) =>
  api.send(path, { method: "POST", headers })

test("a finished job shows its image, its text and its bill", async () => {
  const { id } = await create()
  await api.paint(id, { text: "a mug" })
  const { status, headers, body } = await api.send(pathOf({ id }))
  assert.equal(status, 200)
  assert.equal(headers.get("retry-after"), null)
  const job = Job.parse(body)
  assert.deepEqual([job.status, job.text, job.queue], ["succeeded", "a mug", null])
  assert.deepEqual(job.usage, {
    input_tokens: 9,
    output_tokens: 1_120,
    upstream_calls: 1,
    cost_usd: 0.033614,
    charged: "yes",
  })
  const [output] = job.outputs
  assert.equal(output?.key, `acme/${job.created_at.slice(0, 10).replaceAll("-", "/")}/${id}/0.png`)
  const image = await fetch(output?.url ?? "")
  assert.deepEqual([image.status, image.headers.get("content-type")], [200, "image/png"])
  assert.equal(await image.text(), "not really a picture")
})

test("an ETag is the same while nothing changes and saves the body", async () => {
  const job = await create()
  await api.paint(job.id)
  const first = await api.send(pathOf(job))
  const etag = first.headers.get("etag") ?? ""
  assert.match(etag, /^"[^"]+"$/)
  for (const tag of [etag, `"x", W/${etag}`, "*"]) {
    const again = await api.send(pathOf(job), { headers: { "if-none-match": tag } })
    assert.deepEqual([again.status, again.text, again.headers.get("etag")], [304, "", etag])
  }
  assert.equal((await api.send(pathOf(job), { headers: { "if-none-match": '"x"' } })).status, 200)
})

test("an ETag changes with the job, and until its end the answer says when to look again", async () => {
  const job = await create()
  const queued = await api.send(pathOf(job))
  assert.match(queued.headers.get("retry-after") ?? "", /^\d+$/)
  await api.begin(job.id)
  const running = await api.send(pathOf(job), {
    headers: { "if-none-match": queued.headers.get("etag") ?? "" },
  })
  assert.deepEqual([running.status, running.body.status], [200, "running"])
  assert.equal(running.headers.get("retry-after"), "1")
})

test("who waits for a job is answered at its end", async () => {
  const job = await create()
  const { epoch } = await api.begin(job.id)
  const waiting = api.send(`${pathOf(job)}?wait=30`)
  await api.end(job.id, epoch, "failed")
  const { body, headers } = await waiting
  assert.deepEqual([body.status, body.error.code], ["failed", "content_blocked"])
  assert.equal(headers.get("preference-applied"), "wait=30")
})

test("a list goes newest first, page by page, with links that lead through all of it", async () => {
  const key = await api.makeKey("pages", ["jobs:read", "jobs:write"])
  const made: string[] = []
  for (let i = 0; i < 5; i += 1) made.unshift((await create({}, key)).id)
  const seen: string[] = []
  let next: string | undefined = "/v1/jobs?limit=2&type=generation"
  while (next !== undefined) {
    const { body, headers } = await api.send(next, { key })
    seen.push(...body.data.map(({ id }: { id: string }) => id))
    assert.equal(body.object, "list")
    assert.deepEqual([body.first_id, body.last_id], [body.data[0].id, body.data.at(-1).id])
    next = /^<([^>]+)>; rel="next"$/.exec(headers.get("link") ?? "")?.[1]
    assert.equal(body.has_more, next !== undefined)
  }
  assert.deepEqual(seen, made)
})

test("a list is filtered by status, model, time and metadata", async () => {
  const key = await api.makeKey("filters", ["jobs:read", "jobs:write"])
  const [a, b, c] = [
    await create({ metadata: { sku: "1", shop: "x" } }, key),
    await create({ metadata: { sku: "2", shop: "x" } }, key),
    await create({ model: "gemini-3-pro-image" }, key),
  ]
  await api.paint(b.id)
  const ids = async (query: string) =>
    (await api.send(`/v1/jobs?${query}`, { key })).body.data.map(({ id }: { id: string }) => id)
  assert.deepEqual(await ids("status=succeeded"), [b.id])
  assert.deepEqual(await ids("status=queued"), [c.id, a.id])
  assert.deepEqual(await ids("model=gemini-3-pro-image"), [c.id])
  assert.deepEqual(await ids("metadata[shop]=x&metadata[sku]=1"), [a.id])
  assert.deepEqual(await ids(`created_before=${new Date(0).toISOString()}`), [])
  assert.deepEqual(await ids(`created_after=${new Date(0).toISOString()}`), [c.id, b.id, a.id])
})

test("a queued job is canceled at once, and only once", async () => {
  const job = await create()
  const { status, body } = await post(`${pathOf(job)}/cancel`)
  assert.deepEqual([status, body.status, body.queue], [200, "canceled", null])
  const again = await post(`${pathOf(job)}/cancel`)
  assert.deepEqual([again.status, again.body.code], [409, "job_terminal"])
})

test("canceling a running job tells its worker and answers when that has stopped", async () => {
  const job = await create()
  const { epoch } = await api.begin(job.id)
  const told = api.redis.duplicate()
  await told.subscribe("{trial}:cancel")
  told.on("message", (_channel, id) => void (id === job.id && api.end(job.id, epoch, "failed")))
  const { status, body } = await post(`${pathOf(job)}/cancel`)
  told.disconnect()
  assert.deepEqual([status, body.status], [200, "failed"])
})

test("a failed job runs again, once for each Idempotency-Key", async () => {
  const job = await create()
  const { epoch } = await api.begin(job.id)
  const active = await post(`${pathOf(job)}/retry`, { "idempotency-key": "again" })
  assert.deepEqual([active.status, active.body.code], [409, "job_active"])
  await api.end(job.id, epoch, "failed")
  const first = await post(`${pathOf(job)}/retry`, { "idempotency-key": "again" })
  assert.deepEqual([first.status, first.body.status, first.body.error], [202, "queued", null])
  const second = await post(`${pathOf(job)}/retry`, { "idempotency-key": "again" })
  assert.deepEqual([second.status, second.text], [202, first.text])
  assert.equal(second.headers.get("idempotent-replayed"), "true")
  const record = await api.ledger.read(job.id)
  assert.equal(record?.events.filter(({ type }) => type === "job.queued").length, 2)
})

test("a job that succeeded has nothing to retry", async () => {
  const job = await create()
  await api.paint(job.id)
  const { status, body } = await post(`${pathOf(job)}/retry`)
  assert.deepEqual([status, body.code], [409, "job_terminal"])
})

test("a deleted job leaves neither record nor objects", async () => {
  const job = await create({ prompt: "long ".repeat(1_000) })
  await api.paint(job.id)
  const { body } = await api.send(pathOf(job))
  const { promptKey } = (await api.ledger.read(job.id))?.spec ?? {}
  assert.equal((await api.send(pathOf(job), { method: "DELETE" })).status, 204)
  assert.equal((await api.send(pathOf(job))).status, 404)
  assert.equal(await api.storage.head(body.outputs[0].key), undefined)
  assert.equal(await api.storage.head(promptKey ?? ""), undefined)
  assert.equal((await api.send(pathOf(job), { method: "DELETE" })).status, 404)
})

test("an image is reached by its number, with a name when it is to be saved", async () => {
  const job = await create()
  await api.paint(job.id)
  const { status, headers } = await api.send(`${pathOf(job)}/outputs/0?download=1`)
  assert.equal(status, 302)
  const image = await fetch(headers.get("location") ?? "")
  const disposition = image.headers.get("content-disposition")?.replaceAll('"', "")
  assert.equal(disposition, `attachment; filename=${job.id}-0.png`)
  await image.body?.cancel()
  assert.equal((await api.send(`${pathOf(job)}/outputs/1`)).status, 404)
})

test("images past their own time have no URL any more", async () => {
  await using brief = await startTrialApi({ imageRetentionMs: 0 })
  const { body } = await brief.send("/v1/generations", { body: { prompt: "gone soon" } })
  await brief.paint(body.id)
  const [output] = (await brief.send(pathOf(body))).body.outputs
  assert.deepEqual([output.url, output.url_expires_at], [null, null])
  assert.equal((await brief.send(`${pathOf(body)}/outputs/0`)).status, 410)
})
