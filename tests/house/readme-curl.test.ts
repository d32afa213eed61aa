import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { promisify } from "node:util"

import { Job } from "@kiln/contract"

import { photoOf } from "../world/photo-server.ts"
import { startWorld } from "../world/world.ts"

const run = promisify(execFile)

test("README's commands that edit do what it says of them", async (t) => {
  await using world = await startWorld()
  const folder = await mkdtemp(join(tmpdir(), "kiln-readme-"))
  t.after(() => rm(folder, { recursive: true }))
  for (const [index, name] of ["photo", "room", "lamp", "rug", "portrait", "logo"].entries()) {
    const file = join(folder, `${name}.${name === "logo" ? "png" : "jpg"}`)
    await writeFile(file, await photoOf(`#${index + 2}${index + 2}5577`, 320, 240))
  }
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8")
  const [, part = ""] = /<!-- edits -->([^]*)<!-- \/edits -->/.exec(readme) ?? []
  const commands = [...part.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, command = ""]) => command)

  let last = ""
  const jobs: Job[] = []
  for (const command of commands) {
    const env = { ...process.env, KILN_KEY: world.key, JOB: last }
    const here = command.replaceAll("http://127.0.0.1:8787", world.url)
    const { stdout } = await run("bash", ["-ec", here], { cwd: folder, env })
    const job = Job.parse(JSON.parse(stdout))
    assert.equal(job.status, "succeeded", stdout)
    assert.equal(job.outputs.length, 1)
    if (job.type === "edit") last = job.id
    jobs.push(job)
  }
  const [change, compose, style, keep, refine, interleaved] = jobs
  assert.deepEqual(
    [change, compose, style, keep, refine].map((job) => job?.inputs.length),
    [1, 3, 1, 2, 0],
  )
  assert.equal(style?.template, "style-transfer")
  assert.equal(refine?.previous_job, keep?.id)
  const turns = world.emulator.calls.map(({ contents }) => contents?.map(({ role }) => role).join(" "))
  assert.ok(turns.includes("user model user"))
  assert.deepEqual(new Set(interleaved?.content?.map(({ type }) => type)), new Set(["text", "image"]))
  assert.equal(jobs.length, 6)
})
