import assert from "node:assert/strict"
import { test } from "node:test"

import type { Batch } from "@kiln/contract"

import { fitBatch } from "./fit-batch.ts"

const self = "https://kiln.example/v1/batches/bat_1"
const urls = {
  self,
  items: self,
  results: self,
  archive: self,
  contact_sheet: self,
  events: self,
  cancel: self,
}
const error = { line: 1, custom_id: "é".repeat(200), pointer: "/prompt", code: "c", detail: "é".repeat(500) }
const batchOf = (refused: Batch["refused"]): Batch => ({
  id: "bat_1",
  object: "batch",
  name: "n".repeat(200),
  status: "completed",
  counts: { total: 1, queued: 0, running: 0, succeeded: 1, failed: 0, canceled: 0, expired: 0 },
  usage: { cost_usd: 1, estimated_cost_usd: 1 },
  eta_seconds: null,
  priority: null,
  max_parallel: null,
  resumed_from: null,
  taken_over: 0,
  refused,
  error: null,
  deadline: null,
  cancel_requested_at: null,
  created_at: "",
  completed_at: "",
  expires_at: "",
  urls,
})

test("a batch with few refused rows is told as it is", () => {
  const batch = batchOf({ count: 1, errors: [{ ...error, detail: "short" }] })
  assert.equal(fitBatch(batch), batch)
})

test("of many refused rows the first are told", () => {
  const small = fitBatch(batchOf({ count: 900, errors: Array.from({ length: 100 }, () => error) }))
  assert.ok(Buffer.byteLength(JSON.stringify(small)) < 19_800)
  assert.deepEqual([small.truncated, small.refused.count, small.refused.errors.length], [true, 900, 10])
})
