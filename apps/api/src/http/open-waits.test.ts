import assert from "node:assert/strict"
import { test } from "node:test"

import { createOpenWaits } from "./open-waits.ts"

test("a tenant has so many waits open and no more, others have their own", () => {
  const waits = createOpenWaits({ most: 2 })
  const first = waits.enter("acme", "wait")
  const second = waits.enter("acme", "events")
  assert.throws(() => waits.enter("acme", "wait"), { code: "rate_limited", status: 429 })
  const other = waits.enter("other", "wait")
  assert.deepEqual(waits.byKind(), { wait: 2, events: 1 })
  for (const wait of [first, second, other]) wait[Symbol.dispose]()
  assert.deepEqual(waits.byKind(), { wait: 0, events: 0 })
  waits.enter("acme", "wait")[Symbol.dispose]()
})
