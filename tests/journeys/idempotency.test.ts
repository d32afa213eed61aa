import assert from "node:assert/strict"
import { after, before, suite, test } from "node:test"

import { operations, type Job } from "@kiln/contract"

import { startWorld, type World } from "../world/world.ts"

suite("one key, one job", () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world[Symbol.asyncDispose]())

  const post = (key: string, body: { prompt: string }, headers: Record<string, string> = {}) =>
    world.client.request(operations.createGeneration, {
      body,
      headers: { "idempotency-key": key, ...headers },
    })

  test("fifty posts at once make one job and all get its first answer", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => post("race", { prompt: "a mug" })))
    const bodies = await Promise.all(answers.map((answer) => answer.text()))
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202])
    assert.equal(new Set(bodies.map((body) => (JSON.parse(body) as Job).id)).size, 1)
    assert.equal(answers.filter(({ headers }) => headers.get("idempotent-replayed") === "true").length, 49)
    const { data } = await world.client.send(operations.listJobs)
    assert.equal(data.length, 1)
  })

  test("the first answer comes again after the job has ended, bare or quoted", async () => {
    const first = await post("later", { prompt: "a cup" })
    const body = await first.text()
    await world.ended((JSON.parse(body) as Job).id)
    const again = await post('"later"', { prompt: "a cup" })
    assert.equal(again.status, 202)
    assert.equal(await again.text(), body)
  })

  test("another body under the same key is refused and makes nothing", async () => {
    await post("mismatch", { prompt: "one" })
    const refused = await post("mismatch", { prompt: "two" })
    assert.equal(refused.status, 422)
    assert.equal(((await refused.json()) as { code: string }).code, "idempotency_mismatch")
  })

  test("a retry that waits gets the end of the job that the first one made", async () => {
    const first = (await (await post("waits", { prompt: "a bowl" })).json()) as Job
    const second = await post("waits", { prompt: "a bowl" }, { prefer: "wait=30" })
    const job = (await second.json()) as Job
    assert.equal(job.id, first.id)
    assert.equal(job.status, "succeeded")
    assert.equal(second.status, 200)
  })

  test("a refusal costs no key", async () => {
    const refused = await post("refused", { prompt: "" })
    assert.equal(refused.status, 400)
    assert.equal((await post("refused", { prompt: "now good" })).status, 202)
  })
})
