import assert from "node:assert/strict"
import { execFile, spawn } from "node:child_process"
import { createHmac, randomBytes } from "node:crypto"
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { text } from "node:stream/consumers"
import { test, type TestContext } from "node:test"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

import { startProcess } from "../world/running-process.ts"

/** The receivers of docs/webhooks.md, run as a reader runs them. */

const root = fileURLToPath(new URL("../../", import.meta.url))
const secret = `whsec_${randomBytes(32).toString("base64")}`
const id = "evt_019ab1f2c3d47e5f8a90b1c2d3e4f506"

async function snippet(language: string, holding: string): Promise<string> {
  const page = await readFile(join(root, "docs/webhooks.md"), "utf8")
  const all = [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))]
  const code = all.map(([, found = ""]) => found).find((found) => found.includes(holding))
  assert.ok(code, `docs/webhooks.md has no ${language} with ${holding}`)
  return code
}

/** Somewhere with the packages beside it, as a reader's own project. */
async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kiln-receiver-"))
  await symlink(join(root, "node_modules"), join(folder, "node_modules"))
  await writeFile(join(folder, "package.json"), '{"type":"module"}')
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

function delivery(more: Record<string, string> = {}): RequestInit {
  const data = {
    id: "job_1",
    object: "job",
    status: "succeeded",
    outputs: [{ url: "https://cdn.example/0.png" }],
  }
  const body = JSON.stringify({ type: "job.succeeded", timestamp: new Date().toISOString(), data })
  const seconds = Math.floor(Date.now() / 1_000)
  const key = Buffer.from(secret.slice("whsec_".length), "base64")
  const signature = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")
  return {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": `${seconds}`,
      "webhook-signature": `v1,${signature}`,
      ...more,
    },
  }
}

const forged = { "webhook-signature": `v1,${randomBytes(32).toString("base64")}` }

test("the receiver in Express does each event once, and refuses what is forged", async (t) => {
  const file = join(await folderFor(t), "receiver.ts")
  await writeFile(file, await snippet("ts", "express.raw"))
  await using receiver = startProcess(file, { PORT: "0", KILN_WEBHOOK_SECRET: secret })
  await receiver.printed(/port: \d+/)
  const port = /port: (\d+)/.exec(receiver.output())?.[1]
  const url = `http://127.0.0.1:${port}/kiln`
  assert.equal((await fetch(url, delivery())).status, 204)
  assert.equal((await fetch(url, delivery())).status, 204)
  const refused = await fetch(url, delivery(forged))
  assert.deepEqual([refused.status, await refused.text()], [400, "signature_not_valid"])
  assert.equal(receiver.output().match(/job_1 https:\/\/cdn\.example\/0\.png/g)?.length, 1)
})

test("the receiver of web requests answers 204 and 400", async (t) => {
  const file = join(await folderFor(t), "route.ts")
  await writeFile(file, await snippet("ts", "export async function POST"))
  const { POST } = (await import(file)) as { POST: (request: Request) => Promise<Response> }
  process.env["KILN_WEBHOOK_SECRET"] = secret
  const answer = async (more?: Record<string, string>) =>
    (await POST(new Request("https://example.com/", delivery(more)))).status
  assert.deepEqual([await answer(), await answer(forged)], [204, 400])
})

const run = promisify(execFile)

/** A Python that has these modules; the system's may have what the first in the path has not. */
async function pythonWith(...modules: string[]): Promise<string | undefined> {
  for (const python of ["python3", "/usr/bin/python3"]) {
    const found = await run(python, ["-c", modules.map((name) => `import ${name}`).join("\n")]).catch(
      () => undefined,
    )
    if (found) return python
  }
  return undefined
}

/** Runs a script beside the module that verifies, with both deliveries as its input. */
async function inPython(t: TestContext, script: string): Promise<string[]> {
  const folder = await folderFor(t)
  await writeFile(join(folder, "kiln_webhook.py"), await snippet("py", "def verify"))
  await writeFile(join(folder, "receiver.py"), script)
  const running = run("python3", [join(folder, "receiver.py")], {
    env: { ...process.env, KILN_WEBHOOK_SECRET: secret },
  })
  running.child.stdin?.end(JSON.stringify([delivery(), delivery(forged)]))
  const { stdout } = await running
  return stdout.trim().split("\n")
}

test(
  "the check in Python knows ours from forged ones",
  { skip: !(await pythonWith()) && "no Python" },
  async (t) => {
    const script = `
import json, os, sys
from kiln_webhook import verify
for request in json.load(sys.stdin):
    try:
        print(verify(request["headers"], request["body"].encode(), os.environ["KILN_WEBHOOK_SECRET"])["data"]["id"])
    except ValueError as error:
        print(error)
`
    assert.deepEqual(await inPython(t, script), ["job_1", "no signature fits"])
  },
)

const python = await pythonWith("fastapi", "uvicorn")

test("the receiver in FastAPI answers 204 and 400", { skip: !python && "no FastAPI" }, async (t) => {
  const folder = await folderFor(t)
  await writeFile(join(folder, "kiln_webhook.py"), await snippet("py", "def verify"))
  await writeFile(join(folder, "receiver.py"), await snippet("py", "FastAPI()"))
  const server = spawn(
    python ?? "",
    ["-m", "uvicorn", "receiver:app", "--port", "0", "--no-access-log", "--timeout-keep-alive", "0"],
    { cwd: folder, env: { ...process.env, KILN_WEBHOOK_SECRET: secret, PYTHONUNBUFFERED: "1" } },
  )
  t.after(() => server.kill("SIGKILL"))
  let url: string | undefined
  for await (const line of createInterface(server.stderr)) {
    url = /running on (http:\S+)/.exec(line)?.[1]
    if (url) break
  }
  assert.ok(url, "uvicorn serves")
  const answer = async (more?: Record<string, string>) => (await fetch(`${url}/kiln`, delivery(more))).status
  assert.deepEqual([await answer(), await answer(forged)], [204, 400])
  server.kill("SIGTERM")
  assert.equal(await text(server.stdout), `${id} job.succeeded job_1\n`)
})
