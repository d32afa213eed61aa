import assert from "node:assert/strict"
import { once } from "node:events"
import { connect } from "node:net"
import { after, before, test } from "node:test"

import { Problem } from "@kiln/contract"
import { createLogger } from "@kiln/runtime"

import { startTrialApi, type TrialApi } from "../trial/trial-api.ts"

const lines: string[] = []
const destination = { write: (line: string) => void lines.push(line) }
let api: TrialApi
before(async () => {
  api = await startTrialApi({ log: createLogger({ name: "trial", level: "debug", destination }) })
})
after(() => api[Symbol.asyncDispose]())

const lineOf = (id: string) =>
  lines.map((line) => JSON.parse(line) as Record<string, unknown>).find((line) => line["request_id"] === id)

/** Sends these bytes and gives back all that comes until the server hangs up. */
async function speak(text: string): Promise<{ status: number; head: string; body: string }> {
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1")
  let answer = ""
  socket.setEncoding("utf8").on("data", (chunk: string) => (answer += chunk))
  socket.write(text)
  await once(socket, "close")
  const [head = "", body = ""] = answer.split("\r\n\r\n", 2)
  return { status: Number(head.slice(9, 12)), head, body }
}

test("what is no request, and one with a huge header, gets a problem with an id like any other", async () => {
  for (const [text, status] of [
    ["nonsense\r\n\r\n", 400],
    [`GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    [`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"a".repeat(20_000)}\r\n\r\n`, 431],
  ] as const) {
    const answer = await speak(text)
    const problem = Problem.parse(JSON.parse(answer.body))
    assert.deepEqual([answer.status, problem.status], [status, status])
    assert.ok(answer.head.includes(`X-Request-Id: ${problem.request_id}`))
  }
})

test("an expectation that nobody knows is no reason to refuse", async () => {
  const answer = await speak(
    "GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: the-worst\r\nConnection: close\r\n\r\n",
  )
  assert.deepEqual([answer.status, answer.body], [200, '{"status":"ok"}'])
})

test("whoever probes may add a query of its own", async () => {
  assert.equal((await api.send("/healthz?t=1", { key: null })).status, 200)
  assert.equal((await api.send("/readyz?t=1", { key: null })).body.checks.redis.ok, true)
})

test("a link to a file that is not good is refused like anything else", async () => {
  await api.storage.put("acme/a.txt", Buffer.from("0123456789"), { contentType: "text/plain" })
  const link = (key: string, expiresAt: Date) => api.storage.sign(key, { expiresAt })
  const inAMinute = new Date(Date.now() + 60_000)
  const good = await link("acme/a.txt", inAMinute)
  const refusedLinks = [
    { url: `${api.url}/files/acme/a.txt`, status: 403, code: "forbidden" },
    { url: await link("acme/a.txt", new Date(0)), status: 403, code: "forbidden" },
    { url: good.replace("a.txt", "b.txt"), status: 403, code: "forbidden" },
    { url: await link("acme/none.txt", inAMinute), status: 404, code: "not_found" },
    { url: good, headers: { range: "bytes=99-" }, status: 416, code: "invalid_request" },
    { url: good, headers: { "if-match": '"x"' }, status: 412, code: "invalid_request" },
  ]
  for (const { url, headers = {}, status, code } of refusedLinks) {
    const answer = await api.send(url, { key: null, headers })
    const problem = Problem.parse(answer.body)
    assert.deepEqual([answer.status, problem.status, problem.code], [status, status, code], url)
    assert.equal(problem.request_id, answer.headers.get("x-request-id"))
    assert.doesNotMatch(answer.text, /signature=/)
    assert.equal(answer.headers.get("etag"), null)
  }
})

test("a caller's trace is in the log line of its request, and of no other", async () => {
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
  await api.send("/v1/jobs", { headers: { traceparent, "x-request-id": "traced" } })
  await api.send("/v1/jobs", { headers: { traceparent: "00-odd", "x-request-id": "untraced" } })
  // A line is written when the answer has left, which the caller may see first.
  for (let look = 0; look < 200 && !lineOf("untraced"); look++) {
    await new Promise((resume) => setTimeout(resume, 25))
  }
  assert.ok(lineOf("untraced"))
  assert.equal(lineOf("traced")?.["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736")
  assert.equal(lineOf("untraced")?.["trace_id"], undefined)
})

test("a time outside the years that can be written is refused", async () => {
  const not_before = "9999-12-31T23:59:59-23:59"
  const { status, body } = await api.send("/v1/generations", { body: { prompt: "late", not_before } })
  assert.deepEqual([status, body.errors[0].pointer], [400, "/not_before"])
  assert.equal((await api.send("/v1/jobs?created_after=0000-01-01T00:00:00%2B23:00")).status, 400)
})

test("an output is named by its number alone", async () => {
  const { body: job } = await api.send("/v1/generations", { body: { prompt: "a mug" } })
  await api.paint(job.id)
  for (const index of ["%20", "0x0", "1e0", "-0", "+0", "0.0"]) {
    assert.equal((await api.send(`/v1/jobs/${job.id}/outputs/${index}`)).status, 400, index)
  }
  assert.equal((await api.send(`/v1/jobs/${job.id}/outputs/0`)).status, 302)
  for (const limit of ["1e1", "0x10", "%201", ""]) {
    assert.equal((await api.send(`/v1/jobs?limit=${limit}`)).status, 400, limit)
  }
})

test("another key of the tenant gets the first answer of a retry again, but never another key's secret", async () => {
  const { body: job } = await api.send("/v1/generations", { body: { prompt: "a mug" } })
  await api.send(`/v1/jobs/${job.id}/cancel`, { method: "POST" })
  const headers = { "idempotency-key": "again" }
  const retry = (key?: string) =>
    api.send(`/v1/jobs/${job.id}/retry`, { method: "POST", headers, ...(key ? { key } : {}) })
  const first = await retry()
  const second = await retry(await api.makeKey("acme", ["jobs:write"]))
  assert.deepEqual([first.status, second.status, second.text], [202, 202, first.text])
  assert.equal(second.headers.get("idempotent-replayed"), "true")
  const admins = [await api.makeKey("acme", ["admin"]), await api.makeKey("acme", ["admin"])] as const
  const make = (key: string) =>
    api.send("/v1/keys", { key, headers, body: { tenant: "acme", scopes: ["jobs:read"] } })
  assert.deepEqual([(await make(admins[0])).status, (await make(admins[1])).status], [201, 422])
})
