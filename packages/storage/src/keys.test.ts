import assert from "node:assert/strict"
import { test } from "node:test"

import { assetKey, documentKey, jobPrefix, outputKey } from "./keys.ts"

const place = { tenant: "acme", createdAt: new Date("2026-11-22T23:59:59.999Z"), id: "job_0193" }

test("a job's objects lie below its tenant and its day in UTC", () => {
  assert.equal(jobPrefix(place), "acme/2026/11/22/job_0193")
  assert.equal(
    jobPrefix({ ...place, createdAt: new Date("2026-01-02T01:00:00+02:00") }),
    "acme/2026/01/01/job_0193",
  )
})

test("an output is named by its index and true type", () => {
  assert.equal(outputKey({ ...place, index: 0, format: "png" }), "acme/2026/11/22/job_0193/0.png")
  assert.equal(outputKey({ ...place, index: 7, format: "jpeg" }), "acme/2026/11/22/job_0193/7.jpg")
  assert.equal(outputKey({ ...place, index: 1, format: "webp" }), "acme/2026/11/22/job_0193/1.webp")
})

test("a document lies beside the outputs", () => {
  assert.equal(documentKey({ ...place, name: "prompt.txt" }), "acme/2026/11/22/job_0193/prompt.txt")
})

test("an asset lies below its tenant by its content", () => {
  assert.equal(assetKey({ tenant: "acme", sha256: "ab12", extension: "png" }), "acme/assets/ab12.png")
})

test("no part leads into another folder", () => {
  for (const tenant of ["a/b", "..", "", "a b"]) assert.throws(() => jobPrefix({ ...place, tenant }))
  for (const name of ["a/b", "../x", ""]) assert.throws(() => documentKey({ ...place, name }))
})
