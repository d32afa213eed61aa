import assert from "node:assert/strict"
import { test } from "node:test"
import { createServer as createTlsServer } from "node:tls"

import { EgressError } from "./egress-error.ts"
import { pinnedClient } from "./pinned-client.ts"
import type { ResolvedAddress } from "./resolve-host.ts"
import { fetching, httpServer } from "./test-server.ts"
import { redirectOf } from "./visit.ts"

const loopback = { address: "127.0.0.1", family: 4 }
// Public by every registry; nothing answers at such a port, and no answer is waited for.
const outside = { address: "8.8.8.8", family: 4 }

/** A resolver that gives the next answer each time it is asked. */
function answering(...answers: ResolvedAddress[][]) {
  const asked: string[] = []
  return {
    asked,
    resolve: async (host: string) => answers[Math.min(asked.push(host), answers.length) - 1] ?? [],
  }
}

test("a name that is public first and private then is never connected to at its private address", async () => {
  await using server = await httpServer((_req, res) => res.end("secret"))
  const names = answering([outside], [loopback])
  await using files = await fetching({ allowPrivate: false, timeoutMs: 200, resolve: names.resolve })
  await assert.rejects(files.fetch(`http://rebinding.test:${server.port}/`), EgressError)
  assert.deepEqual([names.asked, server.connections()], [["rebinding.test"], 0])
  await assert.rejects(files.fetch(`http://rebinding.test:${server.port}/`), { code: "address_not_allowed" })
  assert.equal(server.connections(), 0)
})

test("a name is asked for once a visit and its server sees the name", async () => {
  const hosts: (string | undefined)[] = []
  await using server = await httpServer((req, res) => {
    hosts.push(req.headers.host)
    if (req.url === "/") res.writeHead(302, { Location: `http://second.test:${server.port}/cat` })
    res.end("here")
  })
  const names = answering([loopback])
  await using files = await fetching({ resolve: names.resolve })
  await files.fetch(`http://first.test:${server.port}/`)
  assert.deepEqual(names.asked, ["first.test", "second.test"])
  assert.deepEqual(hosts, [`first.test:${server.port}`, `second.test:${server.port}`])
})

test("when the first address does not answer the next one is tried", async () => {
  await using server = await httpServer((_req, res) => res.end("here"))
  const names = answering([{ address: "127.0.0.2", family: 4 }, loopback])
  await using files = await fetching({ resolve: names.resolve })
  assert.equal((await files.fetch(`http://name.test:${server.port}/`)).bytes, 4)
})

test("a redirect to a name with a private address is refused before it is connected to", async () => {
  await using inner = await httpServer((_req, res) => res.end("secret"))
  const names = answering([loopback, { address: "169.254.169.254", family: 4 }])
  await using outer = await httpServer((_req, res) => {
    res.writeHead(307, { Location: `http://inner.test:${inner.port}/` }).end()
  })
  await using files = await fetching({ resolve: names.resolve })
  await assert.rejects(files.fetch(outer.url), { code: "address_not_allowed" })
  assert.equal(inner.connections(), 0)
})

test("what a connection has really reached is judged before a byte is sent", async () => {
  let requests = 0
  await using server = await httpServer((_req, res) => {
    requests += 1
    res.end("secret")
  })
  for (const origin of [server.url, `http://name.test:${server.port}`]) {
    const client = pinnedClient(origin, {
      addresses: [loopback],
      allowPrivate: false,
      connectTimeoutMs: 1000,
    })
    await assert.rejects(client.request({ method: "GET", path: "/" }), { code: "address_not_allowed" })
    await client.destroy()
  }
  assert.equal(requests, 0)
})

test("TLS asks for the name, not for the address", async () => {
  const seen: string[] = []
  const server = createTlsServer({
    SNICallback: (name, callback) => {
      seen.push(name)
      callback(new Error("no certificate"))
    },
  })
  server.on("tlsClientError", () => undefined)
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve)
  })
  const address = server.address()
  assert.ok(address !== null && typeof address === "object")
  await using files = await fetching({ resolve: answering([loopback]).resolve })
  await assert.rejects(files.fetch(`https://name.test:${address.port}/`), { code: "connection_failed" })
  server.close()
  assert.deepEqual(seen, ["name.test"])
})

test("a redirect from https to plain http is refused, the other way is followed", () => {
  const rules = { allowPrivate: false, protocols: ["https:", "http:"] as const }
  const https = new URL("https://example.com/a")
  assert.throws(() => redirectOf(to("http://example.com/b"), https, rules), { code: "redirect_not_allowed" })
  assert.equal(redirectOf(to("b?c"), https, rules)?.href, "https://example.com/b?c")
  assert.equal(redirectOf(to("//other.example/"), https, rules)?.href, "https://other.example/")
  const http = new URL("http://example.com/a")
  assert.equal(redirectOf(to("https://example.com/b"), http, rules)?.href, "https://example.com/b")
  assert.equal(redirectOf({ ...to("/b"), statusCode: 200 }, https, rules), undefined)
})

function to(location: string) {
  return { statusCode: 302, headers: { location }, body: undefined as never }
}
