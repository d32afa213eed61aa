import assert from "node:assert/strict"
import { test } from "node:test"

import type { JobRecord, TakenDelivery } from "@kiln/ledger"

import { createEventText } from "./event-text.ts"
import { sampleJob } from "./testing/sample-job.ts"

const event = {
  id: "evt_1",
  type: "job.succeeded",
  at: new Date(0),
  subject: sampleJob.id,
  data: undefined,
} as const satisfies TakenDelivery["event"]

/** Texts of one job that ended, or runs; `views` counts how often it was said. */
function texts({
  completedAt = new Date(0),
  until = Infinity,
}: {
  completedAt?: Date | null
  until?: number
}) {
  let views = 0
  const textOf = createEventText({
    publicUrl: "https://kiln.test",
    ledger: { batches: { read: () => assert.fail("no batch is asked for") } as never },
    view: {
      of: async () => ({ ...sampleJob, text: `said ${(views += 1)} times` }),
      sameUntil: () => until,
    } as never,
  })
  const job = (eventCount: number) => ({
    eventCount,
    record: () => ({ completedAt, eventCount }) as JobRecord,
  })
  return { textOf, job, views: () => views }
}

test("what has ended is said once, however many endpoints are told and however often it is tried", async () => {
  const { textOf, job, views } = texts({})
  const together = await Promise.all([1, 2, 3].map(() => textOf({ event, job: job(3) })))
  together.push(await textOf({ event, job: job(3) }))
  assert.equal(new Set(together).size, 1)
  assert.equal(views(), 1)
  const told = JSON.parse(together[0] ?? "") as { type: string; data: { text: string } }
  assert.deepEqual([told.type, told.data.text], ["job.succeeded", "said 1 times"])
})

test("a job that changed, one that is deleted and links that would be others are said anew", async () => {
  const { textOf, job, views } = texts({})
  await textOf({ event, job: job(3) })
  assert.match(await textOf({ event, job: job(4) }), /said 2 times/)
  const deleted = JSON.parse(await textOf({ event, job: null })) as { data: unknown }
  assert.deepEqual(deleted.data, { id: sampleJob.id, object: "job", deleted: true })
  assert.equal(views(), 2)
  for (const changing of [texts({ until: 0 }), texts({ completedAt: null })]) {
    await changing.textOf({ event, job: changing.job(1) })
    await changing.textOf({ event, job: changing.job(1) })
    assert.equal(changing.views(), 2)
  }
})
