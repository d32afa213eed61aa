import assert from "node:assert/strict"

import { newId, Refusal } from "@kiln/contract"
import { itemJobId } from "@kiln/jobs"
import type { Redis } from "ioredis"

import type { BatchRecord } from "../batch-record.ts"
import type { BatchAct } from "../batches.ts"
import type { Handover } from "../handover.ts"
import type { Ledger } from "../ledger.ts"
import { newJob } from "./sample-job.ts"

type Made = { id: string; lane: string; estimate: number }
type World = { redis: Redis; ledger: Ledger; prefix: string; onItem: (id: string) => void }
type Step =
  | { do: "batch"; tenant: number; lane: number; items: number; parallel: number; estimate: number }
  | { do: "work" }
  | { do: "act"; which: number; act: BatchAct }
  | { do: "late"; which: number }

const tenants = ["a", "b", "c"] as const
const lanes = ["m", "n", "m>n", "n>o,~p", "m>~o"] as const
/** As many items become jobs in one step: fewer than a batch has. */
const atOnce = 3
const over = new Set<string>(["completed", "canceled", "failed"])

/** Makes batches and works on them as workers do, step by step. */
export function createBatchPlayer(world: World) {
  const { redis, ledger, prefix } = world
  const made: Made[] = []
  const chosen = (which: number) => made[which % Math.max(1, made.length)]

  async function act(which: number, what: BatchAct): Promise<void> {
    const batch = await ledger.batches.read(chosen(which)?.id ?? "")
    if (!batch) return
    const outcome = await ledger.batches.act(batch.id, batch.tenant, what)
    if (what === "cancel" && over.has(batch.status)) assert.equal(outcome, "terminal")
    assert.equal(await ledger.batches.act(batch.id, "stranger", what), "missing")
  }

  async function makeLate(id: string): Promise<void> {
    if ((await redis.zscore(`${prefix}:batch-deadlines`, id)) === null) return
    await redis
      .multi()
      .hset(`${prefix}:batch:${id}`, "deadline", 1)
      .zadd(`${prefix}:batch-deadlines`, 1, id)
      .exec()
  }

  async function work(): Promise<Handover[] | undefined> {
    const batch = await ledger.batchWork.take()
    return batch && workOn(batch, made, world)
  }

  return {
    async play(step: Step): Promise<Handover[]> {
      if (step.do === "work") return (await work()) ?? []
      if (step.do === "batch") made.push(...(await makeBatch(step, world)))
      else if (step.do === "act") await act(step.which, step.act)
      else await makeLate(chosen(step.which)?.id ?? "")
      return []
    },

    /** Resumes what is paused and does all that is due now. */
    async goOn(): Promise<Handover[]> {
      for (const { id } of made) {
        const batch = await ledger.batches.read(id)
        if (batch?.status === "paused") await ledger.batches.act(id, batch.tenant, "resume")
      }
      const ready: Handover[] = []
      for (let more = await work(); more; more = await work()) ready.push(...more)
      return ready
    },

    async areAllOver(): Promise<boolean> {
      const records = await Promise.all(made.map(({ id }) => ledger.batches.read(id)))
      return records.every((record) => record !== undefined && over.has(record.status))
    },
  }
}

/** The batch; none where a budget does not allow it. */
async function makeBatch(step: Extract<Step, { do: "batch" }>, { ledger }: World): Promise<Made[]> {
  const { items, parallel, estimate } = step
  const id = newId("bat")
  const batch = {
    id,
    tenant: tenants[step.tenant] ?? "a",
    key: "key_1",
    name: null,
    priority: null,
    resumedFrom: null,
    maxParallel: parallel === 0 ? null : parallel,
    deadlineSeconds: 600,
  }
  assert.equal((await ledger.batches.begin(batch, undefined)).kind, "begun")
  const rows = { items, estimatedNanoUsd: items * estimate, takenOver: 0, refused: { count: 0, errors: [] } }
  try {
    await ledger.batches.create(id, rows)
    return [{ id, lane: lanes[step.lane] ?? "m", estimate }]
  } catch (error) {
    assert.ok(error instanceof Refusal && error.code === "budget_exceeded")
    await ledger.batches.drop(id)
    return []
  }
}

/** What a worker does with a batch that it took. */
async function workOn(batch: BatchRecord, made: readonly Made[], world: World): Promise<Handover[]> {
  const { ledger, onItem } = world
  const { id, cursor, counts } = batch
  const isLate = batch.deadline !== null && batch.deadline.getTime() <= Date.now()
  if (batch.cancelRequestedAt) {
    for (let at = await ledger.batchWork.stop(id, "0"); at !== "0";) at = await ledger.batchWork.stop(id, at)
    return []
  }
  if (isLate && cursor < counts.total) {
    await ledger.batchWork.cut(id)
    return []
  }
  if (batch.redo !== null) return redo(batch, batch.redo, world)
  if (batch.status !== "running") return []
  const facts = made.find((each) => each.id === id)
  const { ready, next } = await ledger.batchWork.expand(batch, cursor, itemsOf(batch, facts))
  for (let index = cursor; index < (next ?? cursor); index++) onItem(itemJobId(id, index))
  return ready
}

function itemsOf(batch: BatchRecord, facts: Made | undefined) {
  const lane = facts?.lane ?? "m"
  const count = Math.min(atOnce, batch.counts.total - batch.cursor)
  return Array.from({ length: count }, (_, n) => ({
    job: newJob({
      id: itemJobId(batch.id, batch.cursor + n),
      tenant: batch.tenant,
      model: lane.split(">")[0] ?? lane,
      lane,
      batch: batch.id,
      customId: String(batch.cursor + n),
      estimateNanoUsd: facts?.estimate ?? 0,
      deadlineSeconds: 600,
    }),
  }))
}

async function redo(batch: BatchRecord, from: number, { ledger }: World): Promise<Handover[]> {
  const marks = await ledger.batches.marks(batch)
  const found = Array.from({ length: batch.counts.total }, (_, index) => index).filter((index) => {
    const end = marks.endOf(index)
    return index >= from && (end === "failed" || end === "expired")
  })
  const jobs = found.slice(0, atOnce).map((index) => itemJobId(batch.id, index))
  return ledger.batchWork.redo(batch.id, { from, next: found[atOnce], jobs })
}
