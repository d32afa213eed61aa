import assert from "node:assert/strict"
import { test } from "node:test"

import { banner } from "./banner.ts"

const facts = {
  url: "http://127.0.0.1:8787",
  apiKey: "kiln_sk_abc",
  storage: "file:/data/objects",
  redis: "its own",
  dataFolder: "/data",
}

test("the banner has at most 15 lines", () => {
  assert.ok(banner(facts).trimEnd().split("\n").length <= 15)
})

test("the banner says clearly that the emulator paints, or who does", () => {
  assert.match(banner(facts), /EMULATOR/)
  const real = banner({ ...facts, upstream: "Google" })
  assert.match(real, /Upstream {2}Google/)
  assert.doesNotMatch(real, /EMULATOR/)
})

test("the command to paste is one line with the key and a JSON body", () => {
  const command = banner(facts)
    .split("\n")
    .find((line) => line.startsWith("curl "))
  assert.match(command ?? "", /^curl -s http:\/\/127\.0\.0\.1:8787\/v1\/generations /)
  assert.match(command ?? "", /-H "Authorization: Bearer kiln_sk_abc"/)
  const body: unknown = JSON.parse(/-d '(.*)'$/.exec(command ?? "")?.[1] ?? "")
  assert.ok(typeof body === "object" && body !== null && "prompt" in body)
})

test("a key that the operator gave is not shown", () => {
  const { apiKey: _shown, ...rest } = facts
  assert.match(banner(rest), /Bearer \$KILN_ADMIN_KEY"/)
})
