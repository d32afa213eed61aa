import { setTimeout as sleep } from "node:timers/promises"

import { startWorld } from "../world/world.ts"
import { startListening } from "./bare-process.ts"
import { compare, type Benchmark } from "./benchmark.ts"
import { inTurns } from "./in-turns.ts"
import { drawLargeJpeg, drawPictures } from "./pictures.ts"
import { cpuMs, memoryMib } from "./process-usage.ts"

type Usage = { peakMib: number; riseMib: number; cpuS: number }

const pictures = 16
const model = "gemini-nano-banana-2.1"
/** Long enough for all calls to be there before the first answer begins. */
const latencyMs = "1000"
/** Until a new process has come to rest. */
const settleMs = 1_000

/** What a process used while it did something: its peak, the rise above its rest, processor time. */
async function usageOf(pid: number, work: () => Promise<void>): Promise<Usage> {
  await sleep(settleMs)
  const { residentMib } = memoryMib(pid)
  const cpuBefore = cpuMs(pid)
  await work()
  const { peakMib } = memoryMib(pid)
  return { peakMib, riseMib: peakMib - residentMib, cpuS: (cpuMs(pid) - cpuBefore) / 1_000 }
}

export const memory: Benchmark = {
  name: "memory",
  compares: `${pictures} pictures of 20 MB at once from the upstream into S3, beside a script of the two SDKs`,
  async run(progress) {
    await using files = await drawPictures()
    const large = await drawLargeJpeg(files.folder)
    await using upstream = await startListening(new URL("./upstream.ts", import.meta.url), {
      LATENCY_MS: latencyMs,
      IMAGES: JSON.stringify({ [model]: large }),
    })
    await using sink = await startListening(new URL("./s3-sink.ts", import.meta.url))
    const measured = await inTurns(
      {
        bare: () => measureBare({ UPSTREAM: upstream.url, S3_ENDPOINT: sink.url }),
        kiln: () => measureKiln(upstream.url, sink.url),
      },
      {
        progress,
        show: ({ peakMib, riseMib, cpuS }) =>
          `peak ${peakMib.toFixed(0)} MiB, ${riseMib.toFixed(0)} above rest, ${cpuS.toFixed(1)} s CPU`,
      },
    )
    return toRows(measured)
  },
}

async function measureBare(env: Record<string, string>): Promise<Usage> {
  await using script = await startListening(new URL("./bare/sdk-put.ts", import.meta.url), {
    ...env,
    MODEL: model,
    PICTURES: `${pictures}`,
  })
  return await usageOf(script.pid, async () => {
    const response = await fetch(script.url)
    if (!response.ok) throw new Error(await response.text())
  })
}

async function measureKiln(upstream: string, sink: string): Promise<Usage> {
  await using world = await startWorld({
    upstream,
    env: {
      KILN_STORAGE: "s3://bench-bucket",
      S3_ENDPOINT: sink,
      AWS_ACCESS_KEY_ID: "bench",
      AWS_SECRET_ACCESS_KEY: "bench",
    },
    workerEnv: { KILN_CONCURRENCY: `${pictures}` },
  })
  const [worker] = world.workers
  if (!worker) throw new Error("There is no worker")
  return await usageOf(worker.pid, async () => {
    const jobs = await Promise.all(
      Array.from({ length: pictures }, (_, index) =>
        world.make({ prompt: `picture ${index}`, model, image_size: "4K", output_format: "jpeg" }),
      ),
    )
    const failed = jobs.find(({ status }) => status !== "succeeded")
    if (failed) throw new Error(`A job has ${failed.status}: ${failed.error?.message}`)
  })
}

function toRows({ bare, kiln }: Record<"bare" | "kiln", Usage[]>) {
  const row = (what: string, unit: string, pick: (usage: Usage) => number) => ({
    measure: `memory: ${what}`,
    unit,
    bare: bare.map(pick),
    kiln: kiln.map(pick),
  })
  const half = { ratio: { atMost: 0.5 } }
  return [
    compare({ ...row("peak RSS", "MiB", ({ peakMib }) => peakMib), aim: half }),
    compare({ ...row("peak RSS above the idle process", "MiB", ({ riseMib }) => riseMib), aim: half }),
    compare(row(`CPU of the process for all ${pictures}`, "s", ({ cpuS }) => cpuS)),
  ]
}
