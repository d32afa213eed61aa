import assert from "node:assert/strict"
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

import type { Job } from "@kiln/contract"
import sharp from "sharp"

import { freePort } from "../world/free-port.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const run = promisify(execFile)

/** `npm start` as a user types it, with its data elsewhere; resolves when the banner is whole. */
async function npmStart(dataDir: string, port: number) {
  const child = spawn("npm", ["start"], {
    cwd: root,
    detached: true,
    env: {
      ...process.env,
      KILN_DATA_DIR: dataDir,
      KILN_PORT: String(port),
      REDIS_URL: "",
      GEMINI_API_KEY: "",
    },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const exited = once(child, "exit")
  let printed = ""
  const { promise: ready, resolve } = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      printed += chunk
      if (/^curl .*\n/m.test(printed)) resolve()
    })
  }
  await Promise.race([
    ready,
    exited.then(() => {
      throw new Error(`npm start ended:\n${printed}`)
    }),
  ])
  return {
    banner: printed.slice(printed.indexOf("Kiln is ready")).trimEnd().split("\n"),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM")
      await exited
    },
  }
}

const fetchJob = async (url: string, authorization: string): Promise<Job> =>
  (await (await fetch(url, { headers: { authorization } })).json()) as Job

/** README's own command, with its images elsewhere: it finds the key of the Kiln that runs here. */
async function makeCatalogue(dataDir: string, port: number): Promise<void> {
  const readme = await readFile(join(root, "README.md"), "utf8")
  const [command = ""] = /^npm run kiln -- batch examples\/catalogue\/[^`]*?[^\\]\n/m.exec(readme) ?? []
  const out = join(dataDir, "mockups")
  const elsewhere = command.replace(/--out \S+/, `--out ${out}`)
  assert.ok(elsewhere.includes(out), "README has no such command")
  const env = {
    ...process.env,
    KILN_DATA_DIR: dataDir,
    KILN_URL: `http://127.0.0.1:${port}`,
    KILN_API_KEY: "",
  }
  await run("bash", ["-c", elsewhere], { cwd: root, env })
  const files = await readdir(out, { recursive: true })
  assert.equal(files.filter((file) => /^[\w-]+\/(studio|kitchen|picnic)\.png$/.test(file)).length, 36)
  const sheet = await sharp(join(out, "contact-sheet.png")).metadata()
  assert.ok(sheet.width > 500 && sheet.height > 300)
}

test("npm start prints a curl that makes a picture, and after a restart everything is still there", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "kiln-start-"))
  t.after(() => rm(dataDir, { recursive: true, force: true }))
  const port = await freePort()
  let self = ""
  let authorization = ""
  {
    await using stack = await npmStart(dataDir, port)
    assert.ok(stack.banner.length <= 15, stack.banner.join("\n"))
    const text = stack.banner.join("\n")
    for (const part of [`http://127.0.0.1:${port}`, "/docs", "kiln_sk_", "EMULATOR"])
      assert.ok(text.includes(part), part)
    const curl = stack.banner.find((line) => line.startsWith("curl ")) ?? ""
    authorization = /Authorization: (Bearer [^"]+)/.exec(curl)?.[1] ?? ""
    const { stdout } = await run("bash", ["-c", curl])
    const job = JSON.parse(stdout) as Job
    assert.equal(job.status, "succeeded")
    self = job.urls.self
    await makeCatalogue(dataDir, port)
  }
  await using _again = await npmStart(dataDir, port)
  const job = await fetchJob(self, authorization)
  assert.equal(job.status, "succeeded")
  const image = Buffer.from(await (await fetch(job.outputs[0]?.url ?? "")).arrayBuffer())
  assert.equal((await sharp(image).metadata()).format, "png")
})

test("the documentation page works without anything from outside", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "kiln-docs-"))
  t.after(() => rm(dataDir, { recursive: true, force: true }))
  const port = await freePort()
  await using _stack = await npmStart(dataDir, port)
  const page = await fetch(`http://127.0.0.1:${port}/docs`)
  assert.equal(page.status, 200)
  const html = await page.text()
  const sources = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source = ""]) => source)
  assert.ok(sources.length >= 2)
  for (const source of sources) {
    const url = new URL(source, page.url)
    assert.equal(url.host, `127.0.0.1:${port}`, source)
    assert.equal((await fetch(url)).status, 200, source)
  }
})
