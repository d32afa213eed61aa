import assert from "node:assert/strict"
import { mkdir, mkdtemp, readdir, rm, rmdir, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"

import { newId } from "@kiln/contract"
import { createModels, type Paint } from "@kiln/jobs"
import type { JobRecord, Spent } from "@kiln/ledger"
import { createLogger } from "@kiln/runtime"
import { createDiskStorage, type Storage } from "@kiln/storage"

import { createCallLimits } from "../call-limits.ts"
import { createRunningJobs } from "../running-jobs.ts"
import type { ImageWork } from "./image-work.ts"
import { createMakeImage } from "./make-image.ts"

/** A whole PNG of one pixel. */
const pixel = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
)
const model = createModels({ defaultModel: "nano-banana" }).resolve(undefined, new Date()).model

type Keep = Parameters<typeof createMakeImage>[0]["ledger"]["keep"]

async function startBench(keep: Keep, isDiskFull = async () => false) {
  const folder = await mkdtemp(join(tmpdir(), "kiln-worker-"))
  const spool = join(folder, "spool")
  const disk: Storage = createDiskStorage({
    folder: join(folder, "objects"),
    baseUrl: "http://localhost",
    secret: Buffer.alloc(32),
  })
  let isFull = false
  const put: Storage["put"] = async (...args) => {
    if (isFull) throw new Error("The disk is full")
    return disk.put(...args)
  }
  const storage: Storage = { ...disk, put }
  let calls = 0
  const paint: Paint = async (_request, { target }) => {
    calls += 1
    await writeFile(target, pixel)
    const tokens = { input: 9, output: 1_120, image: 1_120 }
    return { bytes: pixel.length, text: null, tokens, warnings: [], modelVersion: null, responseId: null }
  }
  const running = createRunningJobs()
  const limits = createCallLimits({ calls: 1 })
  return {
    spool,
    running,
    makeImage: createMakeImage({
      ledger: { keep },
      storage,
      quota: { take: async () => ({ kind: "call", paint, sent: () => {}, end: async () => false }) },
      limits,
      spool,
      room: { passable: async () => {}, isDiskFull },
      upstreamOf: () => "here",
      keepTurns: true,
    }),
    calls: () => calls,
    fillUp: (full: boolean) => void (isFull = full),
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
type Bench = Awaited<ReturnType<typeof startBench>>

const record = {
  id: newId("job"),
  tenant: "acme",
  createdAt: new Date(),
  spec: { parameters: { n: 1, output_format: "png", include_text: false } },
} as JobRecord

const work = (bench: Bench, epoch: number, spent: Spent[]): ImageWork => ({
  epoch,
  record,
  model,
  prompt: "a fox",
  conversation: {
    current: () => ({ history: [], keys: [], inputs: [] }),
    restart: async () => {},
    warnings: () => [],
  },
  index: 0,
  isFurther: false,
  run: bench.running.start(record.id),
  log: createLogger({ name: "test", level: "silent" }),
  spend: (more) => spent.push(more),
})

test("a spool folder that was taken for a leftover is made anew, and nothing stays in it", async () => {
  await using bench = await startBench(async () => "kept")
  const made = await bench.makeImage(work(bench, 1, []))
  assert.equal(made.charged, "yes")
  await rm(bench.spool, { recursive: true })
  await bench.makeImage({ ...work(bench, 1, []), index: 1 })
  assert.deepEqual(await readdir(bench.spool), [])
})

test("a stored picture that could not be recorded is counted once, by the attempt that adopts it", async () => {
  const kept: Spent[] = []
  let isAway = true
  await using bench = await startBench(async ({ spent }) => {
    if (isAway) throw new Error("Redis is away")
    kept.push(spent)
    return "kept"
  })
  const spent: Spent[] = []
  const first = work(bench, 1, spent)
  const cutOff = bench.makeImage({ ...first, run: { ...first.run, stop: new AbortController().signal } })
  bench.running.abort(record.id, "shutdown")
  await assert.rejects(cutOff, { charged: "yes" })
  assert.deepEqual(spent, [])
  isAway = false
  await bench.makeImage(work(bench, 2, spent))
  assert.deepEqual([bench.calls(), kept.length, kept[0]?.calls, kept[0]?.input], [1, 1, 1, 9])
  assert.deepEqual(spent, [])
})

test("a paid picture that storage does not take waits on the disk for the next attempt, and is counted once", async () => {
  const kept: Spent[] = []
  await using bench = await startBench(async ({ spent }) => {
    kept.push(spent)
    return "kept"
  })
  bench.fillUp(true)
  const spent: Spent[] = []
  const cutOff = bench.makeImage(work(bench, 1, spent))
  while (bench.calls() === 0) await new Promise((resume) => setTimeout(resume, 5))
  bench.running.abort(record.id, "shutdown")
  await assert.rejects(cutOff, { charged: "yes" })
  assert.deepEqual([spent.map(({ calls }) => calls), (await readdir(bench.spool)).length], [[1], 1])
  bench.fillUp(false)
  const made = await bench.makeImage(work(bench, 2, spent))
  assert.equal(made.charged, "no")
  assert.deepEqual([bench.calls(), kept.map(({ calls }) => calls), spent.length], [1, [0], 1])
  assert.deepEqual(await readdir(bench.spool), [])
})

test("a paid picture that a full disk has no room to finish waits for room and is not bought again", async () => {
  const { promise: looked, resolve: look } = Promise.withResolvers<void>()
  await using bench = await startBench(
    async () => "kept",
    async () => {
      look()
      return true
    },
  )
  // As long as a folder lies in its place the finished image cannot be written.
  const finished = join(bench.spool, `${record.id}-1-0`, "finished")
  await mkdir(finished, { recursive: true })
  const making = bench.makeImage(work(bench, 1, []))
  await looked
  await rmdir(finished)
  assert.equal((await making).charged, "yes")
  assert.deepEqual([bench.calls(), await readdir(bench.spool)], [1, []])
})

test("a paid picture that could not be finished here is left for the next attempt", async () => {
  await using bench = await startBench(async () => "kept")
  const folder = join(bench.spool, `${record.id}-1-0`)
  await mkdir(join(folder, "finished", "in the way"), { recursive: true })
  const spent: Spent[] = []
  await assert.rejects(bench.makeImage(work(bench, 1, spent)), { charged: "yes" })
  await rm(join(folder, "finished"), { recursive: true })
  assert.equal((await bench.makeImage(work(bench, 2, spent))).charged, "no")
  assert.deepEqual([bench.calls(), spent.length, await readdir(bench.spool)], [1, 1, []])
})
