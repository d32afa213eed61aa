import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { test } from "node:test"

import { newId, operations } from "@kiln/contract"

import { createClient } from "./client.ts"
import { KilnError } from "./kiln-error.ts"
import { waitForJob } from "./wait.ts"

async function serve(answer: (request: IncomingMessage, body: string, response: ServerResponse) => void) {
  const server = createServer(
    (request, response) => void text(request).then((body) => answer(request, body, response)),
  ).listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    client: createClient({ baseUrl: `http://127.0.0.1:${port}/`, key: "kiln_sk_test" }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

test("an operation is sent with its parameters, query, body and key", async () => {
  const id = newId("job")
  const seen: unknown[] = []
  await using api = await serve((request, body, response) => {
    seen.push([request.method, request.url, request.headers.authorization, body])
    response.end(JSON.stringify({ object: "list" }))
  })
  await api.client.send(operations.createGeneration, { body: { prompt: "a fox" } })
  await api.client.send(operations.cancelJob, { params: { id } })
  await api.client.send(operations.listJobs, { query: { limit: 5, metadata: { sku: "1" } } })
  assert.deepEqual(seen, [
    ["POST", "/v1/generations", "Bearer kiln_sk_test", '{"prompt":"a fox"}'],
    ["POST", `/v1/jobs/${id}/cancel`, "Bearer kiln_sk_test", ""],
    ["GET", "/v1/jobs?limit=5&metadata%5Bsku%5D=1", "Bearer kiln_sk_test", ""],
  ])
})

test("a refusal is thrown with its problem, even when a proxy answered in HTML", async () => {
  const answers = [
    JSON.stringify({ code: "not_found", detail: "There is no such job" }),
    "<html>bad gateway</html>",
  ]
  await using api = await serve((_request, _body, response) => response.writeHead(404).end(answers.shift()))
  const call = () => api.client.send(operations.getJob, { params: { id: newId("job") } })
  await assert.rejects(call, (error) => error instanceof KilnError && error.problem.code === "not_found")
  await assert.rejects(call, (error) => error instanceof KilnError && error.status === 404)
})

test("waiting asks again until the job has ended", async () => {
  const statuses = ["queued", "running", "succeeded"]
  await using api = await serve((request, _body, response) => {
    assert.match(request.url ?? "", /wait=60/)
    response.end(JSON.stringify({ status: statuses.shift() }))
  })
  assert.equal((await waitForJob(api.client, newId("job"))).status, "succeeded")
  assert.deepEqual(statuses, [])
})
