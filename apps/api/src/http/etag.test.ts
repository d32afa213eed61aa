import assert from "node:assert/strict"
import { test } from "node:test"

import { etagOf, isFresh } from "./etag.ts"

test("a body has one tag, another body another", () => {
  assert.equal(etagOf("a"), etagOf("a"))
  assert.notEqual(etagOf("a"), etagOf("b"))
})

test("a tag is found in a list, weak or strong, and by the star", () => {
  for (const header of ['"t"', 'W/"t"', '"a", "t"', '"a,b" , W/"t"', "*"]) assert.ok(isFresh(header, '"t"'))
  for (const header of [undefined, "", "t", '"a"', '"t2"', "**"]) assert.ok(!isFresh(header, '"t"'))
})
