import assert from "node:assert/strict"
import { once } from "node:events"
import { connect } from "node:net"
import { text } from "node:stream/consumers"
import { test } from "node:test"

import { listen } from "./server.ts"

/** Sends a body of so many bytes, so many at once, after each answer of the event loop's clock. */
async function drip(port: number, { length, piece }: { length: number; piece: number }): Promise<string> {
  const socket = connect(port, "127.0.0.1")
  socket.on("error", () => {})
  socket.write(`POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`)
  let sent = 0
  const timer = setInterval(() => {
    if (sent < length && socket.writable) socket.write("x".repeat(Math.min(piece, length - sent)))
    sent += piece
  }, 20)
  const answer = await text(socket)
  clearInterval(timer)
  return answer
}

test("a body may take many times its window while it flows, and is cut off when it only drips", async () => {
  const arrival = { windowMs: 300, leastBytes: 20 }
  await using server = await listen({ host: "127.0.0.1", port: 0, graceMs: 1_000, arrival })
  server.serve((request, response) => {
    if (request.headers["transfer-encoding"]) response.writeHead(200).flushHeaders()
    request
      .on("error", () => {})
      .on("end", () => response.end("whole"))
      .resume()
  })
  const [flowing, dripping] = await Promise.all([
    drip(server.port, { length: 5_000, piece: 100 }),
    drip(server.port, { length: 5_000, piece: 1 }),
  ])
  assert.match(flowing, /^HTTP\/1\.1 200 [^]*whole$/)
  assert.match(dripping, /^HTTP\/1\.1 408 [^]*took too long[^]*"code":"invalid_request"/)
  const answered = connect(server.port, "127.0.0.1")
  answered.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
  assert.match(await text(answered), /^HTTP\/1\.1 200/)
})

test("a request that comes before there is anything to serve is answered once there is", async () => {
  await using server = await listen({ host: "127.0.0.1", port: 0, graceMs: 1_000 })
  const socket = connect(server.port, "127.0.0.1")
  await once(socket, "connect")
  socket.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
  // Another connection's refusal shows that the server has read what came before.
  const broken = connect(server.port, "127.0.0.1")
  broken.write("no HTTP\r\n\r\n")
  assert.match(await text(broken), /^HTTP\/1\.1 400/)
  server.serve((_request, response) => response.end("late"))
  assert.match(await text(socket), /late$/)
})
