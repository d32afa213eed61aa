import assert from "node:assert/strict"
import { test } from "node:test"

import { withLibrary } from "./script-text.ts"

test("a script comes with what it needs, and with what that needs", () => {
  const text = withLibrary("return eventOf(ARGV[1], 1)")
  for (const each of ["local function eventOf", "local now =", "local clock ="]) {
    assert.ok(text.includes(each), each)
  }
  assert.doesNotMatch(text, /local function (?:publish|dispatch|jobKey)\b|local P =/)
})

test("what a function needs that is written after it comes too", () => {
  const text = withLibrary("return enter(ARGV[1], {}, 1, 1)")
  assert.match(text, /^setAside = function/m)
  assert.match(text, /^local [\w, ]*\bsetAside\b/m)
})

test("fields, texts and comments need nothing", () => {
  const lua = "-- dispatch\nlocal a = cjson.decode('dispatch')\nreturn a.dispatch"
  assert.doesNotMatch(withLibrary(lua), /function dispatch/)
  assert.match(withLibrary("return 'a' ..dispatch(1)"), /function dispatch/)
})

test("functions of a table come one by one", () => {
  const text = withLibrary("return quota.isFull(ARGV[1])")
  assert.match(text, /^function quota\.isFull/m)
  assert.match(text, /^local quota = /m)
  assert.doesNotMatch(text, /function quota\.look/)
})
