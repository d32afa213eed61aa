import { execFile } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

import { operations, type Batch } from "@kiln/contract"
import { Queue } from "bullmq"
import { Redis } from "ioredis"
import sharp from "sharp"

import { endedBatch, resultsOf, takeRows } from "../world/batches.ts"
import { startWorld, type World } from "../world/world.ts"
import { socketOf, startListening } from "./bare-process.ts"
import { longestStep } from "./batch-steps.ts"
import { compare, type Benchmark, type Progress, type Row } from "./benchmark.ts"
import { inTurns } from "./in-turns.ts"
import { noLimit } from "./load-rows.ts"
import { memoryMib } from "./process-usage.ts"

const run = promisify(execFile)
const items = 20_000
const many = 100_000
const few = 2_000
const rounds = 3
/** What BullMQ's users give to one `addBulk`. */
const bulk = 1_000
const model = "gemini-nano-banana-2.1"
const latencyMs = 400
const concurrency = 24

const rowOf = (n: number) => ({
  custom_id: `SKU-${String(n).padStart(6, "0")}`,
  prompt:
    `A studio photograph of product ${n}, a hand-thrown stoneware mug with an ash glaze on a walnut table, soft ` +
    "window light from the left, shallow depth of field, a linen cloth in the background, no text, no people.",
  model,
  output_format: "jpeg",
})
const rowsOf = (count: number) => Array.from({ length: count }, (_, n) => rowOf(n))

const csvOf = (count: number): string =>
  `custom_id,prompt,model,output_format\r\n${rowsOf(count)
    .map((row) => `${row.custom_id},"${row.prompt}",${row.model},${row.output_format}`)
    .join("\r\n")}`

const post = (world: World, rows: string): Promise<Batch> => takeRows(world, { type: "text/csv", body: rows })

export const batch: Benchmark = {
  name: "batch",
  compares: `${items} rows of CSV taken beside BullMQ's \`addBulk\` of the same rows; memory; and run to their end`,
  async run(progress) {
    const rows = [...(await accept(progress)), await memoryOf(progress)]
    return [...rows, await longestStep(csvOf(many), many, progress), await makespan(progress)]
  },
}

/** Rows a second until the answer, in which every row was checked and kept. */
async function accept(progress: Progress): Promise<Row[]> {
  await using world = await startWorld({ workers: 0, apiEnv: noLimit })
  const csv = csvOf(items)
  const measured = await inTurns(
    { bare: () => addBulk(world), kiln: () => perSecond(async () => void (await post(world, csv))) },
    { progress, rounds, show: (rate) => `${Math.round(rate)} rows/s` },
  )
  const aim = { ratio: { atLeast: 0.3 } }
  return [compare({ measure: `batch: ${items} rows taken`, unit: "rows/s", ...measured, aim })]
}

async function addBulk({ redisUrl }: World): Promise<number> {
  const connection = new Redis(socketOf(redisUrl), { maxRetriesPerRequest: null })
  const queue = new Queue("bare", { connection })
  const rows = rowsOf(items)
  const rate = await perSecond(async () => {
    for (let start = 0; start < rows.length; start += bulk) {
      const jobs = rows.slice(start, start + bulk).map((data) => ({ name: "row", data }))
      await queue.addBulk(jobs)
    }
  })
  await queue.obliterate({ force: true })
  await queue.close()
  connection.disconnect()
  return rate
}

async function perSecond(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return items / ((performance.now() - startedAt) / 1_000)
}

/** The highest memory of an API that took few rows, and of one that took the most that a batch may have. */
async function memoryOf(progress: Progress): Promise<Row> {
  const peak = async (count: number) => {
    await using world = await startWorld({ workers: 0, apiEnv: noLimit })
    await post(world, csvOf(count))
    const { peakMib } = memoryMib(world.api?.pid ?? 0)
    progress(`${count} rows: peak ${peakMib.toFixed(0)} MiB`)
    return peakMib
  }
  const [bare, kiln] = [[await peak(few)], [await peak(many)]]
  const measure = `batch: peak RSS of the API, ${many} rows beside ${few}`
  return compare({ measure, unit: "MiB", bare, kiln, aim: { kilnBelow: 300 } })
}

/** From the request to the end of the last item, beside what the upstream's time and the slots allow. */
async function makespan(progress: Progress): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), "kiln-bench-"))
  try {
    const image = join(folder, "small.jpeg")
    await writeFile(image, await smallPicture())
    await using upstream = await startListening(new URL("./upstream.ts", import.meta.url), {
      LATENCY_MS: String(latencyMs),
      IMAGES: JSON.stringify({ [model]: image }),
    })
    await using world = await startWorld({
      upstream: upstream.url,
      apiEnv: noLimit,
      workerEnv: { KILN_CONCURRENCY: String(concurrency) },
    })
    const startedAt = performance.now()
    const made = await post(world, csvOf(items))
    const ended = await endedBatch(world.client, made.id, 3_600_000)
    const seconds = (performance.now() - startedAt) / 1_000
    progress(`${items} items in ${seconds.toFixed(0)} s`)
    await agree(world, ended, folder)
    const bare = [(items * latencyMs) / concurrency / 1_000]
    return compare({
      measure: `batch: ${items} items from request to end, beside the optimum`,
      unit: "s",
      bare,
      kiln: [seconds],
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

const smallPicture = (): Promise<Buffer> =>
  sharp({ create: { width: 256, height: 256, channels: 3, background: "#a05030" } })
    .jpeg()
    .toBuffer()

/** Counts, results, archive and ledger say the same. */
async function agree(world: World, { id, counts }: Batch, folder: string): Promise<void> {
  const results = await resultsOf(world.client, id)
  const archive = await world.client.request(operations.getBatchArchive, { params: { id } })
  const path = join(folder, "all.zip")
  await writeFile(path, archive.body ?? "")
  const { stdout } = await run("unzip", ["-Z1", path], { maxBuffer: 100_000_000 })
  const inLedger = Number(await world.redis.hget(`{kiln}:batch:${id}`, "succeeded"))
  const said = {
    counts: counts.succeeded,
    results: new Set(results.filter(({ status }) => status === "succeeded").map(({ custom_id }) => custom_id))
      .size,
    archive: stdout.trim().split("\n").length - 1,
    inLedger,
  }
  if (Object.values(said).some((count) => count !== items))
    throw new Error(`Not all agree: ${JSON.stringify(said)}`)
}
