import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer, type AddressInfo, type Socket } from "node:net"
import { after, before, suite, test } from "node:test"

import { operations } from "@kiln/contract"

import { startReceiver, type Reaction } from "../world/receiver.ts"
import { until } from "../world/until.ts"
import { deliveriesOf, register, settled, tried } from "../world/webhooks.ts"
import { startWorld, type World } from "../world/world.ts"

/** A server that is no web server. */
async function startRaw(answer: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}))
    answer(socket)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

const megabyte = "x".repeat(1_000_000)
const long =
  (status: number): Reaction =>
  (_, response) => {
    response.writeHead(status)
    const more = (left: number) => {
      if (left === 0) response.end()
      else response.write(megabyte, (error) => error ?? more(left - 1))
    }
    more(5)
    return "handled"
  }

suite("receivers that do not do well", () => {
  let world: World
  before(async () => {
    world = await startWorld({
      env: { KILN_ALLOW_PRIVATE: "webhooks" },
      workerEnv: {
        KILN_WEBHOOK_SCHEDULE: "0,0.05,0.1,0.2,0.4,0.8,1.6",
        KILN_WEBHOOK_TIMEOUT: "1",
        KILN_WEBHOOK_ENDPOINT_CONCURRENCY: "4",
      },
    })
  })
  after(() => world[Symbol.asyncDispose]())

  test("each way to fail is told in the log of tries", async () => {
    await using hangs = await startRaw(() => {})
    await using resets = await startRaw((socket) => socket.once("data", () => socket.resetAndDestroy()))
    await using speaksNonsense = await startRaw((socket) => socket.end("\u0015\u0003\u0001nonsense"))
    await using redirects = await startReceiver((_, response) => {
      response.writeHead(307, { location: "/elsewhere" }).end()
      return "handled"
    })
    await using talks = await startReceiver(long(500))
    const cases = [
      [`http://127.0.0.1:${hangs.port}/`, null, "No answer within 1 s", null],
      [`http://127.0.0.1:${resets.port}/`, null, "The connection to 127.0.0.1 failed (ECONNRESET)", null],
      [`http://127.0.0.1:${speaksNonsense.port}/`, null, /The connection to 127\.0\.0\.1 failed/, null],
      [`https://127.0.0.1:${speaksNonsense.port}/`, null, /The connection to 127\.0\.0\.1 failed/, null],
      [`${redirects.url}/`, 307, "The receiver answered 307, and redirects are not followed", ""],
      [`${talks.url}/`, 500, "The receiver answered 500", megabyte.slice(0, 1_024)],
    ] as const
    await Promise.all(
      cases.map(async ([url, statusCode, error, response]) => {
        const { id } = await register(world, url, { events: ["webhook.test"] })
        const { status, attempts } = await tried(world, id)
        assert.deepEqual([status, attempts.length], ["exhausted", 1], url)
        const [attempt] = attempts
        assert.deepEqual([attempt?.status_code, attempt?.response], [statusCode, response], url)
        if (typeof error === "string") assert.equal(attempt?.error, error, url)
        else assert.match(attempt?.error ?? "", error, url)
      }),
    )
    assert.equal(redirects.received.length, 1)
  })

  test("an answer of 5 MB is an answer, of which 1 KB is kept", async () => {
    await using receiver = await startReceiver(long(200))
    const { id } = await register(world, receiver.url)
    const { status, attempts } = await tried(world, id)
    assert.deepEqual([status, attempts[0]?.response], ["delivered", megabyte.slice(0, 1_024)])
  })

  test("410 disables the endpoint, which says why and can be enabled again", async () => {
    await using receiver = await startReceiver(() => 410)
    const { id } = await register(world, receiver.url, { events: ["job.succeeded"] })
    const params = { id }
    await world.make({ prompt: "A red mug" })
    const disabled = await until("it is disabled", async () => {
      const endpoint = await world.client.send(operations.getWebhookEndpoint, { params })
      return !endpoint.enabled && endpoint
    })
    assert.match(disabled.disabled_reason ?? "", /410/)
    assert.deepEqual(
      (await deliveriesOf(world, id)).map(({ status }) => status),
      ["discarded"],
    )
    await world.make({ prompt: "A red mug" })
    assert.equal(receiver.received.length, 1)
    receiver.react(() => 200)
    await world.client.send(operations.updateWebhookEndpoint, { params, body: { enabled: true } })
    const job = await world.make({ prompt: "A red mug" })
    await receiver.got("the job", ({ subject }) => subject === job.id)
  })

  test("429 with Retry-After holds that endpoint back and no other", async () => {
    let refusals = 1
    await using slow = await startReceiver((_, response) => {
      if (refusals-- <= 0) return 200
      response.writeHead(429, { "retry-after": "2" }).end()
      return "handled"
    })
    await using other = await startReceiver()
    await register(world, slow.url, { events: ["job.succeeded"] })
    await register(world, other.url, { events: ["job.succeeded"] })
    const [first, second] = [await world.make({ prompt: "first" }), await world.make({ prompt: "second" })]
    await other.got("the second job", ({ subject }) => subject === second.id)
    const refused = await slow.got("a job", () => true)
    await until("the slow one got both", () => slow.received.length === 3)
    const again = slow.received.slice(1)
    assert.deepEqual(new Set(again.map(({ subject }) => subject)), new Set([first.id, second.id]))
    for (const { at } of again) assert.ok(at - refused.at >= 1_900, `${at - refused.at} ms`)
    const [last] = other.received.slice(-1)
    assert.ok((last?.at ?? Infinity) < (again[0]?.at ?? 0))
  })

  test("an endpoint that hangs has few places, and the others do not wait for it", async () => {
    await using hangs = await startRaw(() => {})
    await using other = await startReceiver()
    const stuck = await register(world, `http://127.0.0.1:${hangs.port}/`, { events: ["job.canceled"] })
    await register(world, other.url, { events: ["job.canceled"] })
    const ids: string[] = []
    for (let n = 0; n < 30; n++) {
      const { id } = await world.submit({ prompt: `${n}`, not_before: "2099-01-01T00:00:00Z" })
      ids.push(id)
    }
    await Promise.all(ids.map((id) => world.client.send(operations.cancelJob, { params: { id } })))
    for (const id of ids) await other.got(id, ({ subject }) => subject === id)
    const open = (await deliveriesOf(world, stuck.id)).filter(({ status }) => status === "pending")
    assert.equal(open.length, 30)
    assert.ok(hangs.connections() <= 8, `${hangs.connections()} connections`)
    await world.client.send(operations.deleteWebhookEndpoint, { params: { id: stuck.id } })
  })
})

test("nothing is lost while nobody sends, and a stopped worker gives back what it has", async () => {
  await using world = await startWorld({
    workers: 0,
    env: { KILN_ALLOW_PRIVATE: "webhooks", KILN_GRACE: "1" },
  })
  let holds = true
  await using receiver = await startReceiver(() => (holds ? "handled" : 200))
  const { id } = await register(world, receiver.url, { events: ["job.canceled"] })
  const job = await world.submit({ prompt: "A red mug" })
  await world.client.send(operations.cancelJob, { params: { id: job.id } })
  const worker = await world.startWorker()
  const held = await receiver.got("the cancellation", ({ subject }) => subject === job.id)
  worker.kill("SIGTERM")
  assert.equal(await worker.exited, 0)
  holds = false
  await world.startWorker()
  const [{ id: delivery } = { id: "" }] = await deliveriesOf(world, id)
  const { status, attempts } = await settled(world, delivery, id)
  assert.deepEqual([status, attempts.length], ["delivered", 1])
  assert.deepEqual(
    receiver.received.map((received) => received.id),
    [held.id, held.id],
  )
})
