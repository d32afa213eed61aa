import { createWriteStream } from "node:fs"
import { mkdir, readFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { parseArgs } from "node:util"

import { createClient, waitForJob } from "@kiln/client"
import { operations, type GenerationInput, type Job } from "@kiln/contract"

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: "string", default: process.env["KILN_URL"] ?? "http://127.0.0.1:8787" },
    out: { type: "string", default: "examples/out" },
  },
})
const root = resolve(import.meta.dirname, "..")
const [file = "examples/prompts.ndjson"] = positionals

/** The key of the stack that runs here, unless another one is given. */
async function apiKey(): Promise<string> {
  const given = process.env["KILN_KEY"]
  if (given) return given
  return (await readFile(join(root, ".kiln", "admin.key"), "utf8")).trim()
}

type Prompt = GenerationInput & { name: string }

async function save(job: Job, path: string): Promise<void> {
  const [output] = job.outputs
  if (!output?.url) throw new Error(`${job.id} has no image`)
  const answer = await fetch(output.url)
  if (!answer.ok || !answer.body) throw new Error(`${output.url} answered ${answer.status}`)
  await pipeline(Readable.fromWeb(answer.body), createWriteStream(path))
}

const client = createClient({ baseUrl: values.url, key: await apiKey() })
const out = resolve(root, values.out)
await mkdir(out, { recursive: true })
const prompts = (await readFile(resolve(root, file), "utf8"))
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => JSON.parse(line) as Prompt)

const ends = await Promise.all(
  prompts.map(async ({ name, ...request }) => {
    const { id } = await client.send(operations.createGeneration, {
      body: { ...request, metadata: { name } },
    })
    const job = await waitForJob(client, id, AbortSignal.timeout(600_000))
    if (job.status !== "succeeded") {
      console.log(`${name}: ${job.status}, ${job.error?.message ?? "no reason"}`)
      return false
    }
    const path = join(out, `${name}.png`)
    await save(job, path)
    const [output] = job.outputs
    console.log(`${path}  ${output?.width}×${output?.height}  ${job.usage.cost_usd ?? "?"} USD`)
    return true
  }),
)
process.exitCode = ends.every(Boolean) ? 0 : 1
