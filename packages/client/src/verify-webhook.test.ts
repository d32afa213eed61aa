import assert from "node:assert/strict"
import { createHmac, randomBytes } from "node:crypto"
import { once } from "node:events"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { Readable } from "node:stream"
import { test } from "node:test"

import { verifyWebhook } from "./verify-webhook.ts"

const secret = `whsec_${randomBytes(32).toString("base64")}`
const other = `whsec_${randomBytes(32).toString("base64")}`
const seconds = 1_700_000_000
const now = () => seconds * 1_000
const id = "evt_0192"
const event = {
  type: "job.succeeded",
  timestamp: "2023-11-14T22:13:20.000Z",
  data: { id: "job_1", text: "ä" },
}
const body = JSON.stringify(event)

function sign(text: string, by = secret, at = seconds): string {
  const key = Buffer.from(by.slice("whsec_".length), "base64")
  return `v1,${createHmac("sha256", key).update(`${id}.${at}.${text}`).digest("base64")}`
}

const signed = (more: Record<string, string> = {}) => ({
  "webhook-id": id,
  "webhook-timestamp": `${seconds}`,
  "webhook-signature": sign(body),
  ...more,
})
const message = (headers: Record<string, string>, text: unknown = body) => ({ headers, body: text })
const refused = (code: string) => (error: unknown) => {
  assert.ok(error instanceof Error && "code" in error)
  assert.equal(error.code, code, error.message)
  assert.ok(!error.message.includes(secret.slice(6)), "the secret is in the message")
  return true
}

test("every kind of request is checked by its own bytes", async () => {
  const web = new Request("http://localhost/", { method: "POST", headers: signed(), body })
  const requests = [
    web,
    message(signed()),
    message(signed(), Buffer.from(body)),
    message(signed(), new TextEncoder().encode(body).buffer),
    { ...message(signed(), event), rawBody: Buffer.from(body) },
    { headers: new Headers(signed()), body },
    message({ "Webhook-Id": id, "Webhook-Timestamp": `${seconds}`, "WEBHOOK-SIGNATURE": sign(body) }),
  ]
  for (const request of requests) {
    assert.deepEqual(await verifyWebhook(request, secret, { now }), { ...event, id })
  }
})

test("a Node request is read as it comes", async () => {
  const verified: unknown[] = []
  const server = createServer((request: IncomingMessage, response) => {
    void verifyWebhook(request, secret, { now })
      .then((received) => verified.push(received))
      .finally(() => response.end())
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  await fetch(`http://127.0.0.1:${port}/`, { method: "POST", headers: signed(), body })
  server.closeAllConnections()
  server.close()
  assert.deepEqual(verified, [{ ...event, id }])
})

test("a body that was changed, even by a byte, is refused", async () => {
  for (const text of [`${body} `, body.replace("job_1", "job_2"), JSON.stringify(event, null, 1), ""]) {
    await assert.rejects(
      verifyWebhook(message(signed(), text), secret, { now }),
      refused("signature_not_valid"),
    )
  }
})

test("an id or a time that was changed is refused", async () => {
  for (const more of [{ "webhook-id": "evt_2" }, { "webhook-timestamp": `${seconds + 1}` }]) {
    await assert.rejects(
      verifyWebhook(message(signed(more)), secret, { now }),
      refused("signature_not_valid"),
    )
  }
})

test("one signature of several, and one secret of several, is enough", async () => {
  const both = { "webhook-signature": `${sign(body, other)} v1a,abc ${sign(body)}` }
  await verifyWebhook(message(signed(both)), secret, { now })
  await verifyWebhook(message(signed()), [other, secret], { now })
  await assert.rejects(verifyWebhook(message(signed()), [other], { now }), refused("signature_not_valid"))
  await assert.rejects(verifyWebhook(message(signed()), [], { now }), refused("signature_not_valid"))
})

test("signatures of other kinds, cut ones and nonsense fit nothing", async () => {
  const good = sign(body)
  for (const signature of [
    good.replace("v1,", "v2,"),
    good.replace("v1,", ""),
    good.slice(0, -4),
    "v1,",
    "v1,%%%",
    ",",
    "v1",
    `${"v1,AAAA ".repeat(50)}${good}`,
  ]) {
    const headers = signed({ "webhook-signature": signature })
    await assert.rejects(verifyWebhook(message(headers), secret, { now }), refused("signature_not_valid"))
  }
})

test("what is missing or has a wrong form is named", async () => {
  for (const name of ["webhook-id", "webhook-timestamp", "webhook-signature"]) {
    const { [name]: _, ...headers } = signed() as Record<string, string>
    await assert.rejects(verifyWebhook(message(headers), secret, { now }), (error: Error) => {
      assert.match(error.message, new RegExp(name))
      return refused("header_missing")(error)
    })
  }
  const headers = signed({ "webhook-timestamp": "now" })
  await assert.rejects(verifyWebhook(message(headers), secret, { now }), refused("header_missing"))
})

const at = (offset: number) => ({ now: () => (seconds + offset) * 1_000 })

test("an old request is a repetition, and one of the future a wrong clock", async () => {
  await verifyWebhook(message(signed()), secret, at(300))
  await verifyWebhook(message(signed()), secret, at(-300))
  await assert.rejects(verifyWebhook(message(signed()), secret, at(301)), refused("timestamp_too_old"))
  await assert.rejects(verifyWebhook(message(signed()), secret, at(-301)), refused("timestamp_too_new"))
  await verifyWebhook(message(signed()), secret, { ...at(3_000), toleranceSeconds: 3_600 })
})

test("a secret that is none is a fault of the receiver's own", async () => {
  for (const none of ["", "whsec_", "whsec_%%%", "kiln_sk_nonsense!"]) {
    await assert.rejects(verifyWebhook(message(signed()), none, { now }), refused("secret_not_valid"))
  }
})

test("a body that was parsed or read is told as such", async () => {
  await assert.rejects(verifyWebhook(message(signed(), event), secret, { now }), refused("body_not_raw"))
  const web = new Request("http://localhost/", { method: "POST", headers: signed(), body })
  await web.text()
  await assert.rejects(verifyWebhook(web, secret, { now }), refused("body_not_raw"))
  await assert.rejects(verifyWebhook({ headers: signed() }, secret, { now }), refused("body_not_raw"))
  const stream = Object.assign(Readable.from([Buffer.from(body)]), { headers: signed() })
  await stream.toArray()
  await assert.rejects(verifyWebhook(stream, secret, { now }), refused("body_not_raw"))
})

test("a stream without an end is not read without one", async () => {
  let sent = 0
  const endless = Readable.from(
    (function* () {
      for (;;) {
        sent += 1
        yield Buffer.alloc(65_536)
      }
    })(),
  )
  const request = Object.assign(endless, { headers: signed() })
  await assert.rejects(verifyWebhook(request, secret, { now }), refused("body_not_valid"))
  assert.ok(sent < 50)
})

test("signed nonsense is no event", async () => {
  for (const text of [
    "nonsense",
    "[]",
    "null",
    '{"type":1,"timestamp":"","data":{}}',
    '{"type":"a","data":{}}',
  ]) {
    const headers = signed({ "webhook-signature": sign(text) })
    await assert.rejects(verifyWebhook(message(headers, text), secret, { now }), refused("body_not_valid"))
  }
})
