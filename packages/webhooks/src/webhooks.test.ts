import assert from "node:assert/strict"
import { createHmac, randomBytes } from "node:crypto"
import { test } from "node:test"

import { judgeTry } from "./judge-try.ts"
import { retryAfterMs } from "./retry-after.ts"
import { pauseBeforeNextTry, ScheduleText, usualSchedule } from "./schedule.ts"
import { createSend, type Answer, type Post } from "./send.ts"
import { sign } from "./sign.ts"

const now = new Date("2026-11-22T12:00:00.000Z")
const schedule = ScheduleText.parse(undefined)
const answered = (status: number, retryAfter?: string): Answer => ({
  kind: "answered",
  status,
  retryAfter,
  text: "",
})
const middle = () => 0.5
const newSecret = () => `whsec_${randomBytes(32).toString("base64")}`
const facts = { failedBefore: 0, schedule, now, random: middle }

test("the signature is the one that the specification gives for its example", () => {
  const signed = {
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    timestampSeconds: 1_614_265_330,
    body: '{"test": 2432232314}',
  }
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  assert.equal(sign(signed, [secret]), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
})

test("two secrets make two signatures", () => {
  const secrets = [newSecret(), newSecret()]
  const signed = { id: "evt_1", timestampSeconds: 1, body: "{}" }
  const parts = sign(signed, secrets).split(" ")
  assert.deepEqual(
    parts,
    secrets.map((secret) => sign(signed, [secret])),
  )
  assert.notEqual(parts[0], parts[1])
})

test("the usual schedule has ten tries over three days", () => {
  assert.equal(usualSchedule, "0,5,300,1800,7200,18000,36000,50400,72000,86400")
  const pauses = Array.from({ length: 10 }, (_, failed) =>
    pauseBeforeNextTry({ schedule, failed: failed + 1, random: middle }),
  )
  assert.deepEqual(pauses.slice(0, 3), [5_000, 300_000, 1_800_000])
  assert.deepEqual(pauses.slice(-2), [86_400_000, undefined])
})

test("pauses are spread by a tenth to both sides", () => {
  const [least, most] = [0, 1].map((random) =>
    pauseBeforeNextTry({ schedule, failed: 2, random: () => random }),
  )
  assert.deepEqual([least, most], [270_000, 330_000])
})

test("a schedule that is none is refused", () => {
  assert.deepEqual(ScheduleText.parse("0, 1.5,2"), [0, 1.5, 2])
  for (const text of ["", "0,", "a", "-1", "0,1e9", Array.from({ length: 51 }, () => 1).join()]) {
    assert.equal(ScheduleText.safeParse(text).success, false, text)
  }
})

test("Retry-After is read in seconds and as a date, and is a day at most", () => {
  assert.equal(retryAfterMs("7", now), 7_000)
  assert.equal(retryAfterMs(" 0 ", now), 0)
  assert.equal(retryAfterMs("Sun, 22 Nov 2026 12:01:00 GMT", now), 60_000)
  assert.equal(retryAfterMs("Sun, 22 Nov 2026 11:00:00 GMT", now), 0)
  assert.equal(retryAfterMs("99999999", now), 86_400_000)
  assert.equal(retryAfterMs(undefined, now), undefined)
  for (const nonsense of ["", "-5", "soon", "7.5s", "1e3"]) {
    assert.equal(retryAfterMs(nonsense, now), undefined, nonsense)
  }
})

test("2xx is success and nothing else is", () => {
  for (const status of [200, 201, 202, 204, 299]) {
    assert.deepEqual(judgeTry(answered(status), facts), { kind: "delivered" }, `${status}`)
  }
  for (const status of [100, 301, 302, 304, 307, 308, 400, 401, 404, 429, 500, 503]) {
    assert.equal(judgeTry(answered(status), facts).kind, "again", `${status}`)
  }
  assert.deepEqual(judgeTry(answered(410), facts), { kind: "gone" })
  const failed: Answer = { kind: "failed", code: "timeout", reason: "No answer within 15 s" }
  assert.deepEqual(judgeTry(failed, facts), { kind: "again", inMs: 5_000, restMs: 0 })
})

test("after the last pause a delivery is exhausted", () => {
  assert.deepEqual(judgeTry(answered(500), { ...facts, failedBefore: 8 }), {
    kind: "again",
    inMs: 86_400_000,
    restMs: 0,
  })
  assert.deepEqual(judgeTry(answered(500), { ...facts, failedBefore: 9 }), { kind: "exhausted", restMs: 0 })
})

test("a receiver that asks for time gets it for all that is on its way to it", () => {
  assert.deepEqual(judgeTry(answered(429, "60"), facts), { kind: "again", inMs: 60_000, restMs: 60_000 })
  assert.deepEqual(judgeTry(answered(503, "1"), facts), { kind: "again", inMs: 5_000, restMs: 1_000 })
  assert.deepEqual(judgeTry(answered(429), facts), { kind: "again", inMs: 5_000, restMs: 5_000 })
  // Of one message only: the others may do well.
  assert.deepEqual(judgeTry(answered(500, "60"), facts), { kind: "again", inMs: 60_000, restMs: 0 })
})

test("a message goes out signed, with the headers of its endpoint, which replace none of ours", async () => {
  const posted: Parameters<Post>[0][] = []
  const times = [now.getTime(), now.getTime() + 42]
  const send = createSend({
    post: async (request) => {
      posted.push(request)
      return answered(200)
    },
    version: "1.2.3",
    now: () => new Date(times.shift() ?? 0),
  })
  const secret = newSecret()
  const tried = await send({
    id: "evt_1",
    url: "https://example.com/hook",
    headers: { Authorization: "Bearer abc", "Webhook-Id": "evt_2", "User-Agent": "mine" },
    body: '{"type":"webhook.test"}',
    secrets: [secret],
  })
  const seconds = now.getTime() / 1_000
  const signature = createHmac("sha256", Buffer.from(secret.slice(6), "base64"))
    .update(`evt_1.${seconds}.{"type":"webhook.test"}`)
    .digest("base64")
  assert.deepEqual(posted, [
    {
      url: "https://example.com/hook",
      headers: {
        authorization: "Bearer abc",
        "content-type": "application/json",
        "user-agent": "Kiln-Webhooks/1.2.3",
        "webhook-id": "evt_1",
        "webhook-timestamp": `${seconds}`,
        "webhook-signature": `v1,${signature}`,
      },
      body: '{"type":"webhook.test"}',
    },
  ])
  assert.deepEqual(tried, { at: now, tookMs: 42, answer: answered(200) })
})
