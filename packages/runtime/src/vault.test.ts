import assert from "node:assert/strict"
import { test } from "node:test"

import { createVault } from "./vault.ts"

const vault = createVault("a secret of sixteen and more")

test("what is sealed opens in its own place, and shows nothing", () => {
  const sealed = vault.seal("whsec_ä", "endpoint:1")
  assert.ok(!Buffer.from(sealed, "base64").includes("whsec"))
  assert.equal(vault.open(sealed, "endpoint:1"), "whsec_ä")
  assert.equal(createVault("a secret of sixteen and more").open(sealed, "endpoint:1"), "whsec_ä")
})

test("the same text is sealed differently each time", () => {
  assert.notEqual(vault.seal("x", "c"), vault.seal("x", "c"))
})

test("another key, another place and a changed byte do not open it", () => {
  const sealed = vault.seal("whsec_a", "endpoint:1")
  assert.throws(() => vault.open(sealed, "endpoint:2"))
  assert.throws(() => createVault("another secret of sixteen").open(sealed, "endpoint:1"))
  for (let at = 0; at < Buffer.from(sealed, "base64").length; at += 1) {
    const bytes = Buffer.from(sealed, "base64")
    bytes[at] = (bytes[at] ?? 0) ^ 1
    assert.throws(() => vault.open(bytes.toString("base64"), "endpoint:1"), `byte ${at}`)
  }
  assert.throws(() => vault.open("", "endpoint:1"))
})
