import assert from "node:assert/strict"
import { once } from "node:events"
import type { IncomingHttpHeaders } from "node:http"
import type { Socket } from "node:net"
import { text } from "node:stream/consumers"
import { test } from "node:test"
import { createServer as createTlsServer } from "node:tls"

import { createEgress } from "./create-egress.ts"
import { createPoster, type PosterOptions } from "./create-poster.ts"
import { EgressError } from "./egress-error.ts"
import type { ResolvedAddress } from "./resolve-host.ts"
import { httpServer, rawServer } from "./test-server.ts"

const loopback = { address: "127.0.0.1", family: 4 }
// Public by every registry; nothing answers at such a port, and no answer is waited for.
const outside = { address: "8.8.8.8", family: 4 }

function poster(options: Partial<PosterOptions> = {}) {
  const opened = createPoster({ allowPrivate: true, protocols: ["https:", "http:"], ...options })
  return {
    ...opened,
    send: (url: string, signal?: AbortSignal) =>
      opened.post({ url, headers: { "content-type": "application/json" }, body: '{"a":"ä"}', signal }),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

/** A resolver that gives the next answer each time it is asked. */
function answering(...answers: ResolvedAddress[][]) {
  const asked: string[] = []
  return {
    asked,
    resolve: async (host: string) => answers[Math.min(asked.push(host), answers.length) - 1] ?? [],
  }
}

test("a body is posted with its headers, and the answer comes back", async () => {
  const seen: [IncomingHttpHeaders, string][] = []
  await using server = await httpServer(async (req, res) => {
    seen.push([req.headers, await text(req)])
    res.writeHead(201).end("thanks")
  })
  await using out = poster()
  assert.deepEqual(await out.send(`${server.url}/hook?a=1`), {
    kind: "answered",
    status: 201,
    retryAfter: undefined,
    text: "thanks",
  })
  const [headers, body] = seen[0] ?? []
  assert.equal(body, '{"a":"ä"}')
  assert.deepEqual(headers, {
    host: `127.0.0.1:${server.port}`,
    connection: "keep-alive",
    "content-type": "application/json",
    "content-length": "10",
    "accept-encoding": "identity",
  })
})

test("connections are used again, and a name is resolved once for each", async () => {
  await using server = await httpServer((req, res) => {
    req.resume().on("end", () => res.end("ok"))
  })
  const names = answering([loopback])
  await using out = poster({ resolve: names.resolve })
  for (let n = 0; n < 10; n++) await out.send(`http://name.test:${server.port}/`)
  // One that has just answered is not always free in the same moment.
  assert.ok(server.connections() <= 2, `${server.connections()} connections`)
  assert.equal(names.asked.length, server.connections())
})

test("a name that is public first and private then is never connected to at its private address", async () => {
  await using server = await httpServer((_req, res) => res.end("secret"))
  const names = answering([outside], [loopback])
  const rules = { allowPrivate: false, timeoutMs: 200, resolve: names.resolve }
  await using out = poster(rules)
  const url = `http://rebinding.test:${server.port}/`
  assert.equal((await createEgress({ ...rules, maxBytes: 0 }).checkReachable(url)).href, url)
  const result = await out.send(url)
  assert.deepEqual(result, {
    kind: "failed",
    code: "address_not_allowed",
    reason: "rebinding.test is not a public address of the internet",
  })
  assert.equal(server.connections(), 0)
})

test("every new connection is checked anew, after the one before has ended", async () => {
  await using server = await httpServer((_req, res) => {
    res.writeHead(200, { Connection: "close" }).end()
  })
  // Only the first answer may be connected to: to a credential service of a cloud nothing may.
  const names = answering([loopback], [{ address: "169.254.169.254", family: 4 }])
  await using out = poster({ resolve: names.resolve })
  const url = `http://name.test:${server.port}/`
  assert.equal((await out.send(url)).kind, "answered")
  await server.idle()
  const again = await out.send(url)
  assert.equal(again.kind === "failed" && again.code, "address_not_allowed")
})

test("what may not be posted to is refused before its name is resolved, or after", async () => {
  const names = answering([loopback])
  const rules = { allowPrivate: false, protocols: ["https:"], resolve: names.resolve } as const
  await using out = createPoster(rules)
  const egress = createEgress({ ...rules, maxBytes: 0 })
  for (const [url, code] of [
    ["http://example.com/", "protocol_not_allowed"],
    ["https://user:word@example.com/", "credentials_in_url"],
    ["https://example.com:25/", "port_not_allowed"],
    ["https://2130706433/", "address_not_allowed"],
    ["https://[::ffff:7f00:1]/", "address_not_allowed"],
    ["https://name.test/", "address_not_allowed"],
  ] as const) {
    await assert.rejects(egress.checkReachable(url), { code }, url)
    const result = await out.post({ url, headers: {}, body: "" })
    assert.equal(result.kind === "failed" && result.code, code, url)
  }
  assert.deepEqual(new Set(names.asked), new Set(["name.test"]))
})

test("redirects are answers and are not followed", async () => {
  let requests = 0
  await using server = await httpServer((_req, res) => {
    requests += 1
    res.writeHead(307, { Location: "/elsewhere" }).end()
  })
  await using out = poster()
  const result = await out.send(server.url)
  assert.deepEqual([result.kind === "answered" && result.status, requests], [307, 1])
})

test("Retry-After is passed on", async () => {
  await using server = await httpServer((_req, res) => res.writeHead(429, { "Retry-After": "7" }).end())
  await using out = poster()
  const result = await out.send(server.url)
  assert.equal(result.kind === "answered" && result.retryAfter, "7")
})

test("of a long answer 1 KB is kept and the rest is not waited for", async () => {
  let written = 0
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const chunk = Buffer.alloc(16_384, "x")
  await using server = await httpServer((_req, res) => {
    const more = () => {
      while (!res.destroyed && written < 5_000_000 && res.write(chunk)) written += chunk.length
      if (written >= 5_000_000) res.end()
    }
    res.on("drain", more).on("close", resolve)
    more()
  })
  await using out = poster()
  const result = await out.send(server.url)
  assert.equal(result.kind === "answered" && result.text, "x".repeat(1024))
  await closed
  assert.ok(written < 5_000_000, `${written} bytes were taken`)
})

test("an answer whose head came counts, even when the rest never does", async () => {
  await using server = await httpServer((_req, res) => {
    res.writeHead(200).write("half")
  })
  await using out = poster({ answerMs: 50 })
  assert.deepEqual(await out.send(server.url), {
    kind: "answered",
    status: 200,
    retryAfter: undefined,
    text: "half",
  })
})

function drip(socket: Socket): void {
  socket.write("HTTP/1.1 200 OK\r\nX: ")
  const timer = setInterval(() => socket.write("x"), 10)
  socket.on("close", () => clearInterval(timer))
}

test("a receiver that hangs, or drips its head for ever, runs into the timeout", async () => {
  for (const answer of [() => undefined, drip]) {
    await using server = await rawServer(answer)
    await using out = poster({ timeoutMs: 150 })
    assert.deepEqual(await out.send(server.url), {
      kind: "failed",
      code: "timeout",
      reason: "No answer within 0.15 s",
    })
  }
})

test("a resolver that never answers runs into the timeout", async () => {
  await using out = poster({ timeoutMs: 50, resolve: () => new Promise(() => undefined) })
  const result = await out.send("http://name.test/")
  assert.equal(result.kind === "failed" && result.code, "timeout")
})

test("connections that are refused, reset or speak nonsense fail", async () => {
  let resets = 0
  await using reset = await rawServer((socket) => {
    resets += 1
    socket.once("data", () => socket.resetAndDestroy())
  })
  await using garbage = await rawServer((socket) => socket.end("\u0016\u0003nonsense\r\n\r\n"))
  const gone = await rawServer(() => undefined)
  await gone[Symbol.asyncDispose]()
  await using out = poster({ timeoutMs: 5_000 })
  for (const url of [reset.url, garbage.url, gone.url, garbage.url.replace("http:", "https:")]) {
    const result = await out.send(url)
    assert.equal(
      result.kind === "failed" && result.code,
      "connection_failed",
      `${url} ${JSON.stringify(result)}`,
    )
  }
  assert.equal(resets, 1)
})

test("a connection that was closed while it was idle is no failure of the receiver", async () => {
  let sockets = 0
  await using server = await rawServer((socket) => {
    const first = (sockets += 1) === 1
    let requests = 0
    socket.on("data", () => {
      requests += 1
      // The first connection answers once and is reset under the second request.
      if (first && requests === 2) socket.resetAndDestroy()
      else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    })
  })
  await using out = poster()
  assert.equal((await out.send(server.url)).kind, "answered")
  assert.equal((await out.send(server.url)).kind, "answered")
  assert.equal(sockets, 2)
})

test("a certificate that nobody has signed is refused", async () => {
  const server = createTlsServer({ key, cert, minVersion: "TLSv1.2" }, (socket) => {
    socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
  })
  server.on("tlsClientError", () => undefined).listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  assert.ok(address !== null && typeof address === "object")
  await using out = poster({ resolve: answering([loopback]).resolve })
  const result = await out.send(`https://receiver.test:${address.port}/`)
  server.close()
  assert.deepEqual(result, {
    kind: "failed",
    code: "connection_failed",
    reason: "The connection to receiver.test failed (DEPTH_ZERO_SELF_SIGNED_CERT)",
  })
})

test("an abort ends a post with its own reason, and what was aborted before is not sent", async () => {
  const controller = new AbortController()
  const reason = new Error("enough")
  let requests = 0
  await using server = await httpServer(() => {
    requests += 1
    controller.abort(reason)
  })
  await using out = poster()
  await assert.rejects(out.send(server.url, controller.signal), (error) => error === reason)
  await assert.rejects(out.send(server.url, controller.signal), (error) => error === reason)
  assert.equal(requests, 1)
})

test("headers that would break the request are a failure of their own", async () => {
  await using server = await httpServer((_req, res) => res.end())
  await using out = poster()
  const result = await out.post({ url: server.url, headers: { "x-a": "b\r\nx-c: d" }, body: "" })
  assert.equal(result.kind, "failed")
  assert.equal(server.connections(), 0)
  assert.ok(!(result instanceof EgressError))
})

/** Made for these tests alone, and trusted by nobody. */
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg34092DHldzot7IDb
C6FLcACVwOpSD4qM0w49kH0H49OhRANCAAQhyMSJN+JiYEsJyfysa5d3KXcZo8o1
UIj15cIJZRV+ag7va9caueVuGW0tX/8YPNDRBDxjzPPZSw3BTiuqQxbd
-----END PRIVATE KEY-----
`
const cert = `-----BEGIN CERTIFICATE-----
MIIBoDCCAUegAwIBAgIUOYciqwnfmmGyMxMfvd0bu0BjCB8wCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNcmVjZWl2ZXIudGVzdDAgFw0yNjExMjIyMDIzMTBaGA8yMTI2
MTAyOTIwMjMxMFowGDEWMBQGA1UEAwwNcmVjZWl2ZXIudGVzdDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABCHIxIk34mJgSwnJ/Kxrl3cpdxmjyjVQiPXlwgllFX5q
Du9r1xq55W4ZbS1f/xg80NEEPGPM89lLDcFOK6pDFt2jbTBrMB0GA1UdDgQWBBQz
HlrjF9v2a9YqcXhHBirsW4g5KTAfBgNVHSMEGDAWgBQzHlrjF9v2a9YqcXhHBirs
W4g5KTAPBgNVHRMBAf8EBTADAQH/MBgGA1UdEQQRMA+CDXJlY2VpdmVyLnRlc3Qw
CgYIKoZIzj0EAwIDRwAwRAIgUC6B3604e7ZhWLLFs+7YV3Aj9CbfHwT2p9R1DYIN
DyMCICK+wK9LHJqbQAECFJLWP3jCAGgIJ2J2A+AaF0jE+7N0
-----END CERTIFICATE-----
`
