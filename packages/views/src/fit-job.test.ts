import assert from "node:assert/strict"
import { test } from "node:test"

import { Job } from "@kiln/contract"

import { fitJob } from "./fit-job.ts"
import { sampleJob } from "./testing/sample-job.ts"

const bytesOf = (job: object) => Buffer.byteLength(JSON.stringify(job))
const limit = 19_800
const long = "🦊".repeat(16_000)

test("a job that is small enough stays as it is", () => {
  assert.equal(fitJob(sampleJob), sampleJob)
})

test("long words are cut between characters, and that is said", () => {
  const small = fitJob({ ...sampleJob, prompt: long, text: `x${long}` })
  assert.ok(bytesOf(small) < limit)
  assert.equal(small.truncated, true)
  for (const words of [small.prompt, small.text]) {
    assert.ok(words !== null && words.endsWith("🦊…") && words.isWellFormed())
    assert.ok(words.length > 1_900)
  }
  assert.deepEqual(
    { ...small, prompt: "", text: "", truncated: 0 },
    { ...sampleJob, prompt: "", text: "", truncated: 0 },
  )
})

test("what is left is still a job", () => {
  const { truncated: _truncated, ...small } = fitJob({ ...sampleJob, prompt: long, text: long })
  assert.deepEqual(Job.parse(small), small)
})

test("whatever is long in a job, it fits, and its outputs keep their links while they can", () => {
  const error = { ...failure, message: long, upstream: { ...failure.upstream, message: long } }
  const link = `https://bucket.example/${"a".repeat(1_500)}`
  const [output] = sampleJob.outputs
  const [attempt] = sampleJob.attempts
  assert.ok(output && attempt)
  const outputs = Array.from({ length: 8 }, (_, index) => ({ ...output, index, url: link }))
  const huge: Job = {
    ...sampleJob,
    prompt: long,
    text: long,
    parameters: { ...sampleJob.parameters, system_instruction: long.slice(0, 8_000) },
    error,
    shortfall: { requested: 8, delivered: 1, errors: Array.from({ length: 8 }, () => error) },
    warnings: Array.from({ length: 30 }, () => ({ code: "c", detail: "d".repeat(200), docs: null })),
    attempts: Array.from({ length: 40 }, () => attempt),
    metadata: Object.fromEntries(
      Array.from({ length: 16 }, (_, n) => [`${n}${"k".repeat(60)}`, "🦊".repeat(256)]),
    ),
  }
  const small = fitJob(huge)
  assert.ok(bytesOf(small) < limit, `${bytesOf(small)} bytes`)
  assert.equal(fitJob({ ...sampleJob, text: long, outputs }).outputs[7]?.url, link)
  const full = fitJob({ ...huge, outputs })
  assert.ok(bytesOf(full) < limit, `${bytesOf(full)} bytes`)
  assert.deepEqual(
    full.outputs.map(({ key }) => key),
    outputs.map(({ key }) => key),
  )
})

const failure = {
  code: "upstream_error",
  message: "",
  retryable: true,
  upstream: { status: 500, finish_reason: null, block_reason: null, message: null },
} as const
