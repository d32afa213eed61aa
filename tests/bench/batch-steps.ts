import { operations } from "@kiln/contract"

import { endedBatch, takeRows } from "../world/batches.ts"
import { until } from "../world/until.ts"
import { startWorld, type World } from "../world/world.ts"
import { compare, type Progress, type Row } from "./benchmark.ts"
import { noLimit } from "./load-rows.ts"

/** What Redis notes: far below what is asked for, and far above what most steps take. */
const notedUs = 500

/** The longest step of the ledger in the life of a large batch: taken, begun, held, expired, run again, canceled, removed. */
export async function longestStep(rows: string, items: number, progress: Progress): Promise<Row> {
  await using world = await startWorld({
    workers: 0,
    emulator: { latencyMs: 1_000 },
    apiEnv: noLimit,
    workerEnv: { KILN_CONCURRENCY: "8" },
  })
  await world.redis.config("SET", "slowlog-log-slower-than", notedUs)
  await world.redis.config("SET", "slowlog-max-len", 100_000)
  const query = { deadline_seconds: "60" }
  const { id } = await takeRows(world, { type: "text/csv", body: rows, query })
  await world.startWorker()
  const act = { params: { id } }
  const field = async (name: string) => Number(await world.redis.hget(`{kiln}:batch:${id}`, name))
  await until("items have become jobs", async () => (await field("cursor")) >= 500)
  await world.client.send(operations.pauseBatch, act)
  await world.client.send(operations.resumeBatch, act)
  const late = await endedBatch(world.client, id, 300_000)
  progress(`${late.counts.expired} of ${items} items have expired`)
  await world.client.send(operations.retryFailedItems, act)
  await until("items run again", async () => (await field("queued")) > 1_000)
  await world.client.send(operations.cancelBatch, act)
  await endedBatch(world.client, id, 300_000)
  await world.redis.zadd("{kiln}:batch-retention", 1, id)
  await until("the batch is removed", async () => (await world.redis.exists(`{kiln}:batch:${id}`)) === 0, {
    withinMs: 180_000,
  })
  return compare({
    measure: `batch: longest step of Redis in the life of ${items} items`,
    unit: "ms",
    bare: [NaN],
    kiln: [(await slowestUs(world)) / 1_000],
    aim: { kilnBelow: 50 },
  })
}

type Noted = [id: number, at: number, tookUs: number, command: string[]]

/** Steps of the ledger alone: the queue's are BullMQ's. */
async function slowestUs({ redis }: World): Promise<number> {
  const noted = (await redis.call("SLOWLOG", "GET", "-1")) as Noted[]
  const own = noted.filter(([, , , [name, , , key]]) => name === "evalsha" && key === "{kiln}")
  return Math.max(notedUs, ...own.map(([, , tookUs]) => tookUs))
}
