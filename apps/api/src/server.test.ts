import assert from "node:assert/strict"
import { once } from "node:events"
import { connect } from "node:net"
import { text } from "node:stream/consumers"
import { test } from "node:test"

import { listen } from "./server.ts"

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
