import assert from "node:assert/strict"
import { createHash, randomBytes } from "node:crypto"
import type { IncomingHttpHeaders } from "node:http"
import type { Socket } from "node:net"
import { test } from "node:test"
import { gzipSync } from "node:zlib"

import { fetching, httpServer, rawServer } from "./test-server.ts"

test("a body is streamed to the file with its facts", async () => {
  const content = randomBytes(300_001)
  let seen: IncomingHttpHeaders = {}
  await using server = await httpServer((req, res) => {
    seen = req.headers
    res.writeHead(200, { "Content-Type": "Image/PNG; charset=x", "Set-Cookie": "a=b" }).end(content)
  })
  await using files = await fetching()
  assert.deepEqual(await files.fetch(`${server.url}/cat.png?size=1`, { accept: "image/*" }), {
    bytes: content.length,
    sha256: createHash("sha256").update(content).digest("hex"),
    contentType: "image/png",
    finalUrl: `${server.url}/cat.png?size=1`,
  })
  assert.ok(content.equals(await files.content()))
  const { host, connection, ...said } = seen
  assert.deepEqual([host, connection], [`127.0.0.1:${server.port}`, "keep-alive"])
  assert.deepEqual(said, { accept: "image/*", "accept-encoding": "identity", "user-agent": "Kiln" })
  await server.idle()
})

test("an empty body is an empty file, and no type is no type", async () => {
  await using server = await httpServer((_req, res) => res.end())
  await using files = await fetching()
  const fetched = await files.fetch(server.url)
  assert.deepEqual([fetched.bytes, fetched.contentType], [0, undefined])
})

test("three redirects are followed, relative ones as well, and a fourth is not", async () => {
  await using server = await httpServer(({ url = "" }, res) => {
    const left = Number(url.slice(1))
    if (left === 0) res.end("here")
    else
      res.writeHead(left % 2 ? 302 : 308, { Location: left % 2 ? `/${left - 1}` : `./${left - 1}` }).end("on")
  })
  await using files = await fetching()
  assert.equal((await files.fetch(`${server.url}/3`)).finalUrl, `${server.url}/0`)
  assert.equal((await files.content()).toString(), "here")
  await assert.rejects(files.fetch(`${server.url}/4`), { code: "too_many_redirects" })
  assert.deepEqual(await files.files(), [])
})

test("a redirect in a circle ends", async () => {
  await using server = await httpServer((_req, res) => res.writeHead(301, { Location: "/" }).end())
  await using files = await fetching()
  await assert.rejects(files.fetch(server.url), { code: "too_many_redirects" })
  assert.equal(server.connections(), 4)
})

test("a redirect to what may not be fetched is refused like a first address", async () => {
  const targets = [
    ["http://169.254.169.254/latest/", "address_not_allowed"],
    ["//2852039166/", "address_not_allowed"],
    ["file:///etc/passwd", "protocol_not_allowed"],
    ["http://127.0.0.1:22/", "port_not_allowed"],
    ["http://user:word@127.0.0.1:8080/", "credentials_in_url"],
    ["http://[/", "redirect_not_allowed"],
  ] as const
  for (const [location, code] of targets) {
    await using server = await httpServer((_req, res) => res.writeHead(302, { Location: location }).end())
    await using files = await fetching()
    await assert.rejects(files.fetch(server.url), { code }, location)
  }
})

test("only 200 is success, and its status says whether to try again", async () => {
  await using server = await httpServer(({ url = "" }, res) => {
    res.writeHead(Number(url.slice(1)), { "Content-Type": "image/png" }).end()
  })
  await using files = await fetching()
  for (const [status, retryable] of [
    [201, false],
    [204, false],
    [206, false],
    [302, false],
    [304, false],
    [404, false],
    [408, true],
    [429, true],
    [503, true],
  ] as const) {
    await assert.rejects(files.fetch(`${server.url}/${status}`), { code: "status", status, retryable })
  }
})

test("a body beyond the limit is cut off, whether its length is told, hidden or endless", async () => {
  const chunk = Buffer.alloc(16_384)
  await using server = await httpServer(({ url }, res) => {
    const more = () => {
      while (!res.destroyed && res.write(chunk));
    }
    if (url === "/told") res.writeHead(200, { "Content-Length": 100_001 }).end(Buffer.alloc(100_001))
    else if (url === "/hidden") res.write(chunk, () => res.end(Buffer.alloc(90_000)))
    else res.on("drain", more).write(chunk, more)
  })
  await using files = await fetching({ maxBytes: 100_000 })
  for (const path of ["/told", "/hidden", "/endless"]) {
    await assert.rejects(files.fetch(server.url + path), { code: "too_large", retryable: false }, path)
    assert.deepEqual(await files.files(), [])
  }
  assert.equal((await files.fetch(`${server.url}/told`, { maxBytes: 100_001 })).bytes, 100_001)
})

test("a length that is too short cuts, one that is too long or no number fails", async () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: "
  await using short = await rawServer((socket) => socket.end(`${head}4\r\n\r\nfour and more`))
  await using long = await rawServer((socket) => socket.end(`${head}99\r\n\r\nfour`))
  await using nonsense = await rawServer((socket) => socket.end(`${head}-1\r\n\r\nfour`))
  await using files = await fetching()
  assert.equal((await files.fetch(short.url)).bytes, 4)
  for (const { url } of [long, nonsense]) {
    await assert.rejects(files.fetch(url), { code: "connection_failed", retryable: true })
    assert.deepEqual(await files.files(), [])
  }
})

test("a server that hangs, or drips for ever, runs into the one timeout", async () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
  for (const answer of [() => undefined, drip(head), drip("HTTP/1.1 200 OK\r\nX: ")]) {
    await using server = await rawServer(answer)
    await using files = await fetching({ timeoutMs: 150 })
    await assert.rejects(files.fetch(server.url), { code: "timeout", retryable: true })
    assert.deepEqual(await files.files(), [])
  }
})

test("a resolver that never answers runs into the same timeout", async () => {
  await using files = await fetching({ timeoutMs: 50, resolve: () => new Promise(() => undefined) })
  const alive = setInterval(() => undefined, 1000)
  try {
    await assert.rejects(files.fetch("http://name.test/"), { code: "timeout" })
  } finally {
    clearInterval(alive)
  }
})

test("connections that are refused, reset or speak nonsense fail and may be tried again", async () => {
  await using reset = await rawServer((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", () => socket.resetAndDestroy())
  })
  await using garbage = await rawServer((socket) => socket.end(randomBytes(4096)))
  await using huge = await rawServer((socket) => {
    socket.end(`HTTP/1.1 200 OK\r\n${"X: yyyyyyyyyyyyyyyy\r\n".repeat(9999)}\r\n`)
  })
  const gone = await rawServer(() => undefined)
  await gone[Symbol.asyncDispose]()
  await using files = await fetching()
  const urls = [reset.url, garbage.url, huge.url, gone.url, garbage.url.replace("http:", "https:")]
  for (const url of urls) {
    await assert.rejects(files.fetch(url), { code: "connection_failed", retryable: true }, url)
    assert.deepEqual(await files.files(), [])
  }
})

test("a compressed body is refused, so that it cannot grow here", async () => {
  const bomb = gzipSync(Buffer.alloc(10_000_000))
  for (const encoding of ["gzip", "GZIP", "br", "deflate, gzip", "identity, gzip"]) {
    await using server = await httpServer((_req, res) => {
      res.writeHead(200, { "Content-Encoding": encoding }).end(bomb)
    })
    await using files = await fetching()
    await assert.rejects(files.fetch(server.url), { code: "encoding_not_supported" }, encoding)
    assert.deepEqual(await files.files(), [])
  }
  await using server = await httpServer((_req, res) => {
    res.writeHead(200, { "Content-Encoding": "identity" }).end("plain")
  })
  await using files = await fetching()
  assert.equal((await files.fetch(server.url)).bytes, 5)
})

test("an abort ends a fetch with its own reason and leaves nothing", async () => {
  const controller = new AbortController()
  const reason = new Error("enough")
  await using server = await httpServer((_req, res) => {
    res.write("begun", () => controller.abort(reason))
  })
  await using files = await fetching()
  await assert.rejects(files.fetch(server.url, { signal: controller.signal }), (error) => error === reason)
  assert.deepEqual(await files.files(), [])
  await assert.rejects(files.fetch(server.url, { signal: controller.signal }), (error) => error === reason)
})

test("a disk that cannot be written is not the server's fault", async () => {
  await using server = await httpServer((_req, res) => res.end("here"))
  const files = await fetching()
  await files[Symbol.asyncDispose]()
  await assert.rejects(files.fetch(server.url), { code: "ENOENT" })
})

/** Begins an answer and sends a byte now and then, for ever. */
function drip(text: string) {
  return (socket: Socket) => {
    socket.write(text)
    const timer = setInterval(() => socket.write("x"), 10)
    socket.on("close", () => clearInterval(timer))
  }
}
