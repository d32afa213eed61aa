import assert from "node:assert/strict"
import { after, before, suite, test } from "node:test"

import type { Charged, JobFailureCode } from "@kiln/contract"

import { startWorld, type World } from "../world/world.ts"

type Row = [scenario: string, code: JobFailureCode, charged: Charged, attempts: number, model?: string]

/** Every way in which the upstream refuses, and what the caller learns of it. */
const rows: Row[] = [
  ["prompt_block", "content_blocked", "no", 1],
  ["image_safety", "content_blocked", "no", 1],
  ["image_prohibited_content", "content_blocked", "no", 1],
  ["safety", "content_blocked", "no", 1],
  ["no_image", "no_image", "yes", 2],
  ["image_other", "no_image", "no", 3],
  ["no_candidates", "no_image", "yes", 3],
  ["text_refusal", "text_only", "yes", 1],
  ["max_tokens", "invalid_request", "yes", 1],
  // Every job of this model is refused from then on.
  ["404_gone", "model_unavailable", "no", 1, "gemini-3-pro-image"],
]

suite("each failure of the upstream has one code", { concurrency: 8 }, () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world[Symbol.asyncDispose]())

  for (const [scenario, code, charged, attempts, model] of rows) {
    test(`${scenario} is ${code}`, async () => {
      const job = await world.make({ prompt: `a mug [[${scenario}]]`, ...(model && { model }) })
      assert.equal(job.status, "failed")
      assert.equal(job.error?.code, code)
      assert.ok(job.error.message.length > 10)
      assert.equal(job.usage.charged, charged)
      assert.equal(job.attempts.length, attempts)
      assert.equal(job.usage.upstream_calls, attempts)
      assert.deepEqual(job.outputs, [])
      assert.doesNotMatch(JSON.stringify(job), /emulator-key|127\.0\.0\.1:\d+\/v1beta/)
    })
  }

  test("an overloaded upstream is asked again until it answers", async () => {
    const job = await world.make({ prompt: "patience [[503_times:2]]" })
    assert.equal(job.status, "succeeded")
    assert.deepEqual(
      job.attempts.map(({ outcome, upstream_status }) => [outcome, upstream_status]),
      [
        ["upstream_overloaded", 503],
        ["upstream_overloaded", 503],
        ["succeeded", 200],
      ],
    )
  })

  test("HTML, cut connections and broken answers are survived", async () => {
    const scenarios = ["html_502", "cut_body", "truncated_json", "bad_base64"]
    const jobs = await Promise.all(
      scenarios.map((scenario) => world.make({ prompt: `a mug [[${scenario}]]` })),
    )
    assert.deepEqual(
      jobs.map(({ status, error }) => [status, error?.code]),
      scenarios.map(() => ["failed", "upstream_error"]),
    )
  })

  test("JPEG bytes that are called PNG become a true PNG", async () => {
    const job = await world.make({ prompt: "a mug [[wrong_mime]]" })
    assert.equal(job.outputs[0]?.content_type, "image/png")
    assert.equal(job.outputs[0].upstream_content_type, "image/jpeg")
  })

  test("a picture of another shape than asked is a warning", async () => {
    const job = await world.make({ prompt: "a mug [[wrong_ratio]]", aspect_ratio: "16:9" })
    assert.equal(job.status, "succeeded")
    assert.equal(job.warnings[0]?.code, "aspect_ratio_off")
  })

  test("a picture that is only a thought is taken when there is no other", async () => {
    assert.equal((await world.make({ prompt: "a mug [[thought_only]]" })).status, "succeeded")
  })

  test("what failed can be retried, and the new run has its own attempts", async () => {
    const job = await world.make({ prompt: "twice [[text_refusal]]" })
    const answer = await fetch(job.urls.retry, {
      method: "POST",
      headers: { authorization: `Bearer ${world.key}` },
    })
    assert.equal(answer.status, 202)
    const again = await world.ended(job.id)
    assert.equal(again.attempts.length, 2)
    assert.equal(again.status, "failed")
  })
})
