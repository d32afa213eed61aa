import assert from "node:assert/strict"
import { test } from "node:test"

import { isObjectName } from "./object-name.ts"

test("names in folders pass, with letters of any script", () => {
  for (const name of ["a.jpg", "spring 2026/mug (1).jpg", "写真/猫.png", "a/b/c/…", ".hidden", "a..b"]) {
    assert.ok(isObjectName(name), name)
  }
})

test("what leads elsewhere, or means different things to different systems, is refused", () => {
  for (const name of ["", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\\b", "a\0", "a\nb", "\ud800"]) {
    assert.ok(!isObjectName(name), JSON.stringify(name))
  }
  assert.ok(isObjectName("é".repeat(450)))
  assert.ok(!isObjectName("é".repeat(451)))
})
