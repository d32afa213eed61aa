import assert from "node:assert/strict"
import { createServer, type AddressInfo, type Socket } from "node:net"
import { after, before, suite, test } from "node:test"

import { operations, type EditInput, type Job } from "@kiln/contract"

import { photoOf } from "../world/photo-server.ts"
import { startWorld, type World } from "../world/world.ts"

type Answer = (socket: Socket, port: number) => void

const head = (...lines: string[]): string => `HTTP/1.1 ${lines.join("\r\n")}\r\n\r\n`
const redirect =
  (to: (port: number) => string): Answer =>
  (socket, port) =>
    socket.end(head("302 Found", `Location: ${to(port)}`, "Content-Length: 0"))

function drip(socket: Socket): void {
  socket.write(head("200 OK", "Content-Length: 100000"))
  const timer = setInterval(() => socket.write("x"), 50)
  socket.on("close", () => clearInterval(timer))
}

/** A server that answers each path in its own wrong way, and counts how often each is asked for. */
async function serveWrongly(answers: Record<string, Answer>) {
  const asked = new Map<string, number>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on("close", () => sockets.delete(socket)).on("error", () => {}))
    socket.once("data", (request: Buffer) => {
      const [, path = ""] = /^GET \/([\w-]*)/.exec(request.toString("latin1")) ?? []
      asked.set(path, (asked.get(path) ?? 0) + 1)
      answers[path]?.(socket, (server.address() as AddressInfo).port)
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: (path: string) => `http://127.0.0.1:${port}/${path}`,
    asked: (path: string) => asked.get(path) ?? 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => void server.close(resolve))
    },
  }
}

suite("a server of an image that cheats", () => {
  let world: World
  before(async () => {
    world = await startWorld({ env: { KILN_ALLOW_PRIVATE: "inputs" } })
  })
  after(() => world[Symbol.asyncDispose]())

  const edit = async (url: string, more: Partial<EditInput> = {}): Promise<Job> => {
    const body = { prompt: "In winter", images: [{ url }], ...more }
    return world.ended((await world.client.send(operations.createEdit, { body })).id)
  }

  test("fails the job in a clear sentence, and is asked again only where that can help", async () => {
    const photo = await photoOf("#556677", 120, 80)
    await using server = await serveWrongly({
      loop: redirect((port) => `http://127.0.0.1:${port}/loop`),
      secrets: redirect(() => "http://169.254.169.254/latest/meta-data/"),
      elsewhere: redirect(() => "ftp://127.0.0.1/a.png"),
      gone: (socket) => socket.end(head("404 Not Found", "Content-Length: 0")),
      short: (socket) =>
        socket.end(
          Buffer.concat([Buffer.from(head("200 OK", `Content-Length: ${photo.length - 60}`)), photo]),
        ),
      huge: (socket) => socket.write(head("200 OK", "Content-Length: 100000001")),
      packed: (socket) => socket.write(head("200 OK", "Content-Encoding: gzip", "Content-Length: 9")),
      long: (socket) =>
        socket.end(
          Buffer.concat([Buffer.from(head("200 OK", `Content-Length: ${photo.length + 60}`)), photo]),
        ),
    })
    const cases: [path: string, code: string, sentence: RegExp, tries: number][] = [
      ["loop", "input_unreachable", /redirects more than 3 times/, 1],
      ["secrets", "input_unreachable", /169\.254\.169\.254 is not a public address/, 1],
      ["elsewhere", "input_unreachable", /must start with https:\/\/ or http:\/\//, 1],
      ["gone", "input_unreachable", /answered with status 404/, 1],
      ["short", "input_unreadable", /damaged or cut off/, 1],
      ["huge", "input_unreadable", /sends more than 100000000 bytes/, 1],
      ["packed", "input_unreachable", /another encoding/, 1],
      ["long", "input_unreachable", /connection to 127\.0\.0\.1 failed/, 3],
    ]
    const jobs = await Promise.all(cases.map(([path]) => edit(server.url(path))))
    for (const [index, [path, code, sentence, tries]] of cases.entries()) {
      const job = jobs[index]
      assert.deepEqual([job?.status, job?.error?.code, job?.attempts.length], ["failed", code, tries], path)
      assert.match(job?.error?.message ?? "", sentence, path)
      assert.equal(job?.error?.retryable, tries > 1, path)
    }
    assert.equal(server.asked("loop"), 4)
    assert.equal(server.asked("gone"), 1)
    assert.equal(world.emulator.calls.length, 0)
  })

  test("that drips holds its job no longer than its deadline, and no other job", async () => {
    await using server = await serveWrongly({ drip })
    const dripping = edit(server.url("drip"), { deadline_seconds: 3 })
    const other = await world.make({ prompt: "Meanwhile" })
    assert.equal(other.status, "succeeded")
    const job = await dripping
    assert.deepEqual([job.status, job.error?.code], ["expired", "deadline_exceeded"])
    assert.equal(job.usage.charged, "no")
  })
})
